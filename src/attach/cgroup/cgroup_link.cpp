#include "attach/cgroup/cgroup_link.h"

#include "abi/bpf.h"

namespace skep::attach {

CgroupLink::CgroupLink(Hierarchy& hierarchy, const progtypes::AttachTypeRow& type,
                       Ref<objects::Program> program)
    : Link(abi::BPF_LINK_TYPE_CGROUP, std::move(program)), hierarchy_(hierarchy), attach_type_(type) {}

Result<Ref<CgroupLink>> CgroupLink::create(Hierarchy& hierarchy, Ref<Cgroup> cgroup,
                                           Ref<objects::Program> program, Hierarchy::AttachRequest request) {
  auto link = Ref<CgroupLink>::adopt(new CgroupLink(hierarchy, *request.type, std::move(program)));
  request.link = link.get();
  request.program = nullptr;
  SKEP_TRY(hierarchy.attach(*cgroup, request));
  return link;
}

CgroupLink::~CgroupLink() {
  if (const Status ended = hierarchy_.detach_link(*this); !ended) return;
}

Status CgroupLink::detach() { return hierarchy_.detach_link(*this); }

Status CgroupLink::update(Ref<objects::Program> new_program, const Ref<objects::Program>& old_program) {
  return hierarchy_.replace_link_program(*this, std::move(new_program), old_program);
}

objects::LinkDetails CgroupLink::details() const {
  objects::LinkDetails details;
  details.info.cgroup.cgroup_id = hierarchy_.cgroup_id_of(*this);
  details.info.cgroup.attach_type = attach_type_.type;
  details.end = offsetof(abi::bpf_link_info, cgroup) + sizeof(uint64_t) + sizeof(uint32_t);
  return details;
}

}  // namespace skep::attach
