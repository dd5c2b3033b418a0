// What /proc/PID/fdinfo/N says of an object, in the lines that Linux prints after pos, flags, mnt_id and ino.
#pragma once

#include <string>

#include "objects/object.h"

namespace skep::supervisor {

std::string fdinfo_lines(const objects::Object& object);

}  // namespace skep::supervisor
