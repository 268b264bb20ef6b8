/*
 * Of draws from the key stream, keep those below the order: what numpy cannot do in one pass.
 *
 * One draw in fourteen is kept, so a branch on it is guessed wrong for nearly every one that is.
 * Here there is none: each draw is written, and the place moves on only after one that is kept.
 */

#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

static uint64_t keep(const uint64_t *restrict draws, uint64_t count, uint64_t limit,
                     uint64_t *restrict out)
{
    uint64_t kept = 0;
#pragma GCC unroll 8
    for (uint64_t i = 0; i < count; i++) {
        uint64_t draw = draws[i];
        out[kept] = draw;
        kept += draw < limit;
    }
    return kept;
}

/*
 * Write to `out` the draws below `limit`, moved down by `shift` bits, until its `room` is full.
 * Returns how many there were; *used tells how many draws that took.
 */
EXPORT uint64_t keep_below(const uint64_t *draws, uint64_t count, uint64_t limit, uint32_t shift,
                           uint64_t *out, uint64_t room, uint64_t *used)
{
    uint64_t at = 0, kept = 0;
    while (at < count && kept < room) {
        /* So many draws cannot fill more than the room left: no check within. */
        uint64_t next = count - at < room - kept ? count - at : room - kept;
        kept += keep(draws + at, next, limit, out + kept);
        at += next;
    }
    for (uint64_t i = 0; i < kept; i++)
        out[i] >>= shift;
    *used = at;
    return kept;
}
