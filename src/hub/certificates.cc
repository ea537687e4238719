// SPDX-License-Identifier: Apache-2.0
#include "hub/certificates.h"

#include <array>
#include <system_error>

namespace nestvec {

std::string system_certificates(const std::filesystem::path& root) {
  static constexpr std::array kPlaces = {
      "etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo
      "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
      "etc/pki/tls/certs/ca-bundle.crt",                   // older ones of these
      "etc/ssl/ca-bundle.pem",                             // openSUSE
      "etc/ssl/cert.pem",                                  // Alpine, macOS
      "var/lib/ca-certificates/ca-bundle.pem",             // openSUSE
      "etc/ssl/certs",
  };
  for (const char* place : kPlaces) {
    const std::filesystem::path path = root / place;
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored) && !std::filesystem::is_empty(path, ignored)) {
      return path.string();
    }
  }
  return "";
}

}  // namespace nestvec
