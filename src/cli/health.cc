// SPDX-License-Identifier: Apache-2.0
// nestvec health: asks a server whether it lives.
#include "cli/health.h"

#include <cstddef>
#include <memory>
#include <span>

#include "base/address.h"
#include "base/excerpt.h"
#include "cli/commands.h"
#include "hub/http_client.h"
#include "hub/url.h"

namespace nestvec {
namespace {

constexpr const char* kDefault = "127.0.0.1:8080";
constexpr const char* kHealthPath = "/health";
constexpr double kSeconds = 4;  // deploy/Dockerfile gives the check five

constexpr const char* kHealthExamples =
    "Exits with 0 if the answer has status 200, else with 6 and one line on standard error.\n"
    "\n"
    "Examples:\n"
    "  nestvec health\n"
    "  nestvec health http://127.0.0.1:8080/ready\n"
    "  nestvec health unix:/run/nestvec.sock\n";

struct HealthFlags {
  std::string target = kDefault;
  double seconds = kSeconds;
  bool insecure = false;
};

// "[::1]:8080", the way a URL has it. Every interface stands for this machine.
std::string authority(const Address& address) {
  std::string host = address.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return host + ":" + std::to_string(address.port);
}

// The address with the path of the health route where it has none of its own.
std::string with_path(std::string url) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t slash = url.find('/', host);
  if (slash != std::string::npos && slash + 1 < url.size()) return url;
  return url.substr(0, slash) + kHealthPath;
}

}  // namespace

HealthTarget health_target(const std::string& text) {
  if (text.find("://") != std::string::npos && !text.starts_with("unix:")) {
    if (url_origin(text).empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "\"" + excerpt(text) + "\" is not an http or https address");
    }
    return {with_path(text), "", url_host(text)};
  }
  const bool is_unix = text.starts_with("unix:");
  const std::size_t slash = is_unix ? std::string::npos : text.find('/');
  const Address address = parse_address(text.substr(0, slash));
  if (is_unix) {
    std::string path = address.unix_path;
    if (path.starts_with("//")) path.erase(0, 2);  // unix:///run/nestvec.sock
    return {std::string("http://localhost") + kHealthPath, path, text};
  }
  const std::string host = authority(address);
  const std::string path = slash == std::string::npos ? "" : text.substr(slash);
  return {with_path("http://" + host + path), "", host};
}

void check_health(const HealthTarget& target, std::chrono::milliseconds timeout, bool verify) {
  HttpOptions options;
  options.total_timeout = timeout;
  options.unix_socket = target.unix_socket;
  options.direct = true;
  options.verify = verify;
  const HttpSink ignore{.begin = [](const HubResponse&) {},
                        .write = [](std::span<const std::byte>) { return true; }};
  const HubResponse response = HttpClient(std::move(options)).fetch({.url = target.url}, ignore);
  if (!response.complete()) {
    throw Error(ErrorCode::kUnavailable, target.name + ": no answer: " + response.failure);
  }
  if (response.status == 200) return;
  throw Error(ErrorCode::kUnavailable, target.name + ": answered with status " +
                                           std::to_string(response.status) + ", expected 200");
}

void add_health_command(CLI::App& app, CliContext&) {
  CLI::App* command = app.add_subcommand("health", "Ask a server whether it is alive");
  const auto flags = std::make_shared<HealthFlags>();
  command
      ->add_option("url", flags->target,
                   "HOST:PORT, unix:PATH, or an http or https address; its path is /health unless "
                   "it has another")
      ->type_name("URL")
      ->capture_default_str();
  command->add_option("--timeout", flags->seconds, "Give up after so many seconds")
      ->check(CLI::Range(0.1, 3600.0).description(""))
      ->type_name("SECONDS")
      ->default_str("4");
  command->add_flag("-k,--insecure", flags->insecure, "Do not check the server's certificate");
  command->footer(kHealthExamples);
  command->callback([flags] {
    const std::chrono::duration<double> seconds(flags->seconds);
    check_health(health_target(flags->target),
                 std::chrono::duration_cast<std::chrono::milliseconds>(seconds), !flags->insecure);
  });
}

}  // namespace nestvec
