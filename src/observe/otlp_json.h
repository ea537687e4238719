// SPDX-License-Identifier: Apache-2.0
// Spans as OTLP writes them in JSON (opentelemetry-proto 1.x, ExportTraceServiceRequest).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "observe/trace.h"

namespace nestvec {

// One request of an exporter. `version` is ours; ids that the spans lack come from `ids`.
std::string otlp_json(std::span<const RequestSpan> spans, std::string_view version, IdMaker& ids);

}  // namespace nestvec
