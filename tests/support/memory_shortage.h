// SPDX-License-Identifier: Apache-2.0
// For a program of its own, whose operator new fails where a test says. One source of a program may
// include it, and none that runs under a sanitizer, which replaces the operators, too.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <new>

namespace nestvec {

// Whether the allocation at hand fails: for the test to define.
bool allocation_fails();

// The operators of the library, of which those below stand in front.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

inline void* allocate(std::size_t size) {
  static auto* const kNew = real<void*(std::size_t)>("_Znwm");
  return kNew(size);
}

inline void release(void* memory) noexcept {
  static auto* const kDelete = real<void(void*)>("_ZdlPv");
  kDelete(memory);
}

}  // namespace nestvec

void* operator new(std::size_t size) {
  if (nestvec::allocation_fails()) throw std::bad_alloc();
  return nestvec::allocate(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return nestvec::allocation_fails() ? nullptr : nestvec::allocate(size);
}
void operator delete(void* memory) noexcept { nestvec::release(memory); }
void operator delete(void* memory, std::size_t) noexcept { nestvec::release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { nestvec::release(memory); }
