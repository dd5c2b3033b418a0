#include "objects/btf_object.h"

namespace skep::objects {

BtfObject::BtfObject(Ref<const btf::Btf> btf, std::string name, bool kernel)
    : btf_(std::move(btf)), name_(std::move(name)), kernel_(kernel) {}

BtfObject::~BtfObject() = default;

}  // namespace skep::objects
