// What a file descriptor of the virtual kernel can name.
#pragma once

#include <variant>

#include "base/ref.h"
#include "btf/btf.h"
#include "maps/map.h"

namespace skep::objects {

class Program;
class Link;
class BtfObject;
class PerfEvent;   // a perf_event_open fd that programs can be attached to

using Object = std::variant<Ref<maps::Map>, Ref<Program>, Ref<Link>, Ref<BtfObject>, Ref<PerfEvent>>;

}  // namespace skep::objects
