// What a file descriptor of the virtual kernel can name.
#pragma once

#include <variant>

#include "base/ref.h"
#include "maps/map.h"

namespace skep::objects {

class Program;
class Link;
class BtfObject;
class PerfEvent;  // a perf_event_open fd that programs can be attached to

// Including objects/kernel.h brings the complete types that copying an Object needs.
using Object = std::variant<Ref<maps::Map>, Ref<Program>, Ref<Link>, Ref<BtfObject>, Ref<PerfEvent>>;

enum class FdMode : uint8_t { kReadWrite, kReadOnly, kWriteOnly };

struct FdObject {
  Object object;
  FdMode mode = FdMode::kReadWrite;
};

}  // namespace skep::objects
