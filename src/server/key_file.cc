// SPDX-License-Identifier: Apache-2.0
#include "server/key_file.h"

#include <sys/stat.h>

#include "nestvec/error.h"

namespace nestvec {

std::string check_key_file(const std::string& path) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) return "";
  if ((file.st_mode & S_IWOTH) != 0) {
    throw Error(ErrorCode::kPermissionDenied,
                path + ": every user of this machine may write this file of keys; chmod o-rwx it");
  }
  if ((file.st_mode & S_IROTH) == 0) return "";
  return path + ": every user of this machine may read this file of keys; chmod o-rwx it";
}

}  // namespace nestvec
