// Locks, timers and kernel pointers inside map values: programs reach them through helpers only.
#pragma once

#include "verifier/context.h"

namespace skep::verifier {

// Refuses an access that may touch [from, to) of a value when a special field lies there.
Check special_fields_untouched(Context& c, const maps::Map& map, int64_t from, int64_t to);

}  // namespace skep::verifier
