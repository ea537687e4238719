// SPDX-License-Identifier: Apache-2.0
// Whether the program runs many times as slowly as a release: under a sanitizer, which is there for
// the code that is run, not for how often, or in an emulator of another processor. The release's
// tests take all of what is thinned out there.
#pragma once

namespace nestvec {

#if defined(NESTVEC_EMULATED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSlowRun = true;
#elif defined(__has_feature)
inline constexpr bool kSlowRun =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSlowRun = false;
#endif

}  // namespace nestvec
