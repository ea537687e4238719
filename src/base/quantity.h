// SPDX-License-Identifier: Apache-2.0
// Quantities as Kubernetes writes them
// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nestvec {

// Cores: "2", "1.5", "500m", "1e1". Throws Error: kInvalidArgument, saying what is allowed.
double parse_cores(std::string_view text);

// Bytes: "5Gi", "512Mi", "1.5G", "1e9", "5368709120"; fractions of a byte count as a whole one.
// "512m" (half a byte to Kubernetes) is refused. Throws Error: kInvalidArgument, saying what is
// allowed.
std::uint64_t parse_bytes(std::string_view text);

// "500m", "2", "1.5": reads back as the same number of thousandths.
std::string format_cores(double cores);

// "5Gi", "512Mi", "1000": the largest binary unit that states it exactly.
std::string format_bytes(std::uint64_t bytes);

// "1.3 GiB", "90 MiB": rounded, for people.
std::string readable_bytes(std::uint64_t bytes);

}  // namespace nestvec
