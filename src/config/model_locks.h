// SPDX-License-Identifier: Apache-2.0
// Which models a process has loaded, and what dead processes left of nestvec's own models. Locks
// are advisory (flock) and die with their process; nothing is written for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"

namespace nestvec {

// A shared lock on a file that a loaded model runs from, until the result is closed. Not valid
// where the file system has no locks, or where somebody removes the model.
FileDescriptor hold_model_file(const std::string& path);

// Whether a process holds the file.
bool is_model_file_held(const std::string& path);

// The lock of a folder that is being made or removed; it stays with the folder when that gets
// another name. Not valid for a link, and where somebody else has it.
FileDescriptor lock_model_folder(const std::string& path);

// A folder ".NAME.half-made-XXXXXX" or ".NAME.removed-PID" among nestvec's own models: one that is
// being made or removed, or that a process which died has left.
struct ModelLeftover {
  std::string path;
  std::uint64_t bytes = 0;
  std::chrono::system_clock::time_point written;
};

// By path. Of a folder that cannot be read nothing. Blocks on file I/O.
std::vector<ModelLeftover> model_leftovers(const std::string& models_folder);

// Whether a process makes or removes it. One that is made may have no lock yet: for an hour that
// counts as in use.
bool is_in_use(const ModelLeftover& leftover);

// False, and nothing removed, where it is in use. Throws Error as file_error does.
bool remove_leftover(const ModelLeftover& leftover);

}  // namespace nestvec
