// CgroupLink: a program in a slot of a cgroup, as a link (LINK_CREATE with a cgroup attach type).
#pragma once

#include "attach/cgroup/cgroup.h"
#include "objects/link.h"

namespace skep::attach {

class CgroupLink final : public objects::Link {
 public:
  // Makes the link and attaches it as `request` says (its link and program are filled here). Not yet
  // published: the caller gives it its id.
  static Result<Ref<CgroupLink>> create(Hierarchy& hierarchy, Ref<Cgroup> cgroup,
                                        Ref<objects::Program> program, Hierarchy::AttachRequest request);
  ~CgroupLink() override;

  Status detach() override;  // ends the attachment; the object stays
  Status update(Ref<objects::Program> new_program, const Ref<objects::Program>& old_program) override;
  objects::LinkDetails details() const override;
  const progtypes::AttachTypeRow& attach_type() const { return attach_type_; }

 private:
  friend class Hierarchy;
  CgroupLink(Hierarchy& hierarchy, const progtypes::AttachTypeRow& type, Ref<objects::Program> program);

  Hierarchy& hierarchy_;
  const progtypes::AttachTypeRow& attach_type_;
  Ref<Cgroup> cgroup_;  // null once detached; guarded by the hierarchy's lock
};

}  // namespace skep::attach
