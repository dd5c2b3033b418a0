// Both engines, for tests that every engine must pass.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/rcu.h"
#include "exec/executable.h"

namespace skep::exec {

inline std::string engine_name(Engine engine) { return engine == Engine::kJit ? "jit" : "interpreter"; }

// Parameterised by engine; run() builds and runs in one go.
class EngineTest : public testing::TestWithParam<Engine> {
 protected:
  Ref<Image> image(Executable executable) {
    auto made = make_image(std::move(executable), GetParam());
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : Ref<Image>();
  }
  uint64_t run(const Image& image, void* ctx, helpers::RunContext& context) {
    const RcuReadSection section;
    return image.run(ctx, context);
  }
};

#define SKEP_FOR_EACH_ENGINE(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(Engines, suite, testing::Values(Engine::kInterpreter, Engine::kJit), \
                           [](const auto& info) { return engine_name(info.param); })

}  // namespace skep::exec
