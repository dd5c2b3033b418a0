#include "net/net_device.h"

namespace skep::net {

NetDevice& loopback() {
  static NetDevice device;
  return device;
}

}  // namespace skep::net
