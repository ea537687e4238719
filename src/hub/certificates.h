// SPDX-License-Identifier: Apache-2.0
// Where a machine keeps the certificates that it trusts. Every distribution has a place of its own,
// and a program that is linked statically knows that of none.
#pragma once

#include <filesystem>
#include <string>

namespace nestvec {

// A PEM file of the distribution below `root`, or a folder of hashed ones; empty where there is
// none.
std::string system_certificates(const std::filesystem::path& root = "/");

}  // namespace nestvec
