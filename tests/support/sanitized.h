// SPDX-License-Identifier: Apache-2.0
// Whether the program runs under a sanitizer: slow, and there for the code that is run, not for how
// often. The release's tests take all of what is thinned out there.
#pragma once

namespace nestvec {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace nestvec
