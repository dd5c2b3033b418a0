// The context layouts, one for each file of rows in this folder.
#pragma once

#include "progtypes/prog_type.h"

namespace skep::progtypes {

extern const ContextLayout kSkBuffLayout;
extern const ContextLayout kXdpLayout;
extern const ContextLayout kSockLayout;
extern const ContextLayout kSockAddrLayout;
extern const ContextLayout kSockoptLayout;
extern const ContextLayout kTracepointLayout;
extern const ContextLayout kRawTracepointLayout;
extern const ContextLayout kRawTracepointWritableLayout;

}  // namespace skep::progtypes
