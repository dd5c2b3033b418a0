// The context layouts, one for each file of rows in this folder.
#pragma once

#include "progtypes/prog_type.h"

namespace skep::progtypes {

extern const ContextLayout kSkBuffLayout;
extern const ContextLayout kXdpLayout;
extern const ContextLayout kSockLayout;
extern const ContextLayout kSockAddrLayout;
extern const ContextLayout kSockoptLayout;
extern const ContextLayout kSockOpsLayout;
extern const ContextLayout kTcpSockLayout;  // of pointers only
extern const ContextLayout kSkLookupLayout;
extern const ContextLayout kSkReuseportLayout;
extern const ContextLayout kSkMsgLayout;
extern const ContextLayout kFlowDissectorLayout;
extern const ContextLayout kSysctlLayout;
extern const ContextLayout kDeviceLayout;
extern const ContextLayout kPerfEventLayout;
extern const ContextLayout kNetfilterLayout;
extern const ContextLayout kRegistersLayout;
extern const ContextLayout kSyscallLayout;
extern const ContextLayout kTracepointLayout;
extern const ContextLayout kRawTracepointLayout;
extern const ContextLayout kRawTracepointWritableLayout;

}  // namespace skep::progtypes
