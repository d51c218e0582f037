/* What arrived of one flow on one stream: lost, duplicated, reordered, without keeping every number. */
#ifndef UNDERSTUDY_TALLY_H
#define UNDERSTUDY_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* How far back a late number is still told from a repeated one; older ones count as repeated. */
#define TALLY_WINDOW 4096u

struct tally {
	uint32_t next;
	uint64_t missing;
	uint8_t seen[TALLY_WINDOW / 8];
};

struct counts {
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t damaged;
};

static bool tally_seen(const struct tally *tally, uint32_t number) {
	uint32_t slot = number % TALLY_WINDOW;
	return (tally->seen[slot / 8] >> (slot % 8)) & 1;
}

static void tally_set(struct tally *tally, uint32_t number, bool seen) {
	uint32_t slot = number % TALLY_WINDOW;
	uint8_t bit = (uint8_t)(1u << (slot % 8));
	tally->seen[slot / 8] = (uint8_t)(seen ? tally->seen[slot / 8] | bit : tally->seen[slot / 8] & ~bit);
}

static void tally_add(struct tally *tally, struct counts *counts, uint32_t number) {
	if (number >= tally->next) {
		uint32_t skipped = number - tally->next;
		if (skipped >= TALLY_WINDOW) {
			memset(tally->seen, 0, sizeof tally->seen);
		} else {
			for (uint32_t gone = tally->next; gone != number; gone++) {
				tally_set(tally, gone, false);
			}
		}
		tally_set(tally, number, true);
		tally->missing += skipped;
		tally->next = number + 1;
		return;
	}
	if (tally->next - number > TALLY_WINDOW || tally_seen(tally, number)) {
		counts->duplicated++;
		return;
	}
	tally_set(tally, number, true);
	tally->missing--;
	counts->reordered++;
}

#endif
