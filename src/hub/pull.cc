// SPDX-License-Identifier: Apache-2.0
#include "hub/pull.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <exception>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/file.h"
#include "config/model_location.h"
#include "hub/hub_cache.h"
#include "hub/hub_client.h"
#include "hub/pull_progress.h"
#include "hub/url.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr char kDefaultEndpoint[] = "https://huggingface.co";
constexpr std::size_t kMaxTokenBytes = 4096;
constexpr std::size_t kMaxParallelFiles = 64;

bool is_true(const std::optional<std::string>& value) {
  if (!value) return false;
  std::string upper = *value;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper == "1" || upper == "ON" || upper == "YES" || upper == "TRUE";
}

std::string trimmed(const std::string& text) {
  const char* const blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string find_token(const Environment& environment) {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (const auto token = environment(name)) return trimmed(*token);
  }
  const std::string path = hub_token_file(environment);
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return {};
  return trimmed(read_file(path, kMaxTokenBytes));
}

// The files whose bytes must come, each blob once, the largest first so that it does not come last.
std::vector<RepoFile> files_to_download(const std::vector<RepoFile>& files, const RepoInfo& info,
                                        const HubCache& cache) {
  std::vector<RepoFile> wanted;
  std::unordered_set<std::string> seen;
  for (const RepoFile& file : files) {
    if (cache.has_blob(file) || cache.has_file(info.commit, file)) continue;
    if (seen.insert(file.etag()).second) wanted.push_back(file);
  }
  std::sort(wanted.begin(), wanted.end(), [](const RepoFile& a, const RepoFile& b) {
    return a.size != b.size ? a.size > b.size : a.path < b.path;
  });
  return wanted;
}

std::uint64_t total_bytes(const std::vector<RepoFile>& files) {
  std::uint64_t bytes = 0;
  for (const RepoFile& file : files) bytes += file.size;
  return bytes;
}

void check_disk_space(const std::vector<RepoFile>& files, const HubCache& cache,
                      const std::string& folder) {
  std::uint64_t needed = total_bytes(files);
  std::error_code error;
  for (const RepoFile& file : files) {
    const std::uintmax_t there = fs::file_size(cache.incomplete_blob(file), error);
    if (!error) needed -= std::min<std::uint64_t>(there, file.size);
  }
  const fs::space_info space = fs::space(folder, error);
  if (error || space.available >= needed) return;
  throw Error(ErrorCode::kResourceExhausted,
              folder + ": " + std::to_string(needed) + " bytes are to be downloaded, " +
                  std::to_string(space.available) +
                  " are free; free some space, or set HF_HOME to a folder on another disk");
}

// Runs `work` for every index below `count` on a few threads. The first exception stops the others
// and is rethrown.
void run_parallel(std::size_t count, std::size_t threads, const PullOptions& options,
                  PullProgress& progress,
                  const std::function<void(HubClient&, std::size_t)>& work) {
  std::stop_source stop;
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto worker = [&] {
    try {
      HubClient client(options, progress, stop.get_token());
      for (std::size_t i = next++; i < count && !stop.stop_requested(); i = next++) {
        work(client, i);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      stop.request_stop();
    }
  };
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < std::min(threads, count); ++i) workers.emplace_back(worker);
  }
  if (failure) std::rethrow_exception(failure);
}

// The links come when all blobs are there, config.json last, so that a snapshot that can be loaded
// is whole.
void link_snapshot(const std::vector<RepoFile>& files, const std::string& commit,
                   const HubCache& cache) {
  const RepoFile* config = nullptr;
  for (const RepoFile& file : files) {
    if (cache.has_file(commit, file)) continue;
    if (file.path == "config.json") {
      config = &file;
    } else {
      cache.link(commit, file);
    }
  }
  if (config != nullptr) cache.link(commit, *config);
  sync_folder(cache.snapshot(commit));
}

PullResult cached_result(const std::string& folder) {
  PullResult result;
  result.folder = folder;
  result.commit = fs::path(folder).filename().string();
  result.missing = missing_model_file(folder).value_or("");
  return result;
}

PullResult pull_offline(const PullOptions& options) {
  const std::optional<std::string> folder =
      find_in_cache(options.cache_folder, options.repo, options.revision);
  if (!folder) {
    throw Error(ErrorCode::kFailedPrecondition,
                "HF_HUB_OFFLINE is set, and " + options.repo + "@" + options.revision +
                    " is not, or not wholly, in the cache " + options.cache_folder +
                    "; unset HF_HUB_OFFLINE to download it");
  }
  return cached_result(*folder);
}

PullResult pull_listed(const PullOptions& options, const RepoInfo& info, PullProgress& progress) {
  const HubCache cache(options.cache_folder, options.repo);
  std::vector<RepoFile> files = select_files(info.files, options.selection, options.repo);
  run_parallel(files.size(), options.parallel_files, options, progress,
               [&](HubClient& client, std::size_t i) {
                 if (files[i].etag().empty()) client.complete(info.commit, files[i]);
               });
  const std::vector<RepoFile> wanted = files_to_download(files, info, cache);
  PullResult result;
  if (!wanted.empty()) {
    progress.set_totals(wanted.size(), total_bytes(wanted));
    progress.planned(info.license);
    cache.create_folders();
    check_disk_space(wanted, cache, options.cache_folder);
    run_parallel(
        wanted.size(), options.parallel_files, options, progress,
        [&](HubClient& client, std::size_t i) { client.download(info.commit, wanted[i], cache); });
  }
  link_snapshot(files, info.commit, cache);
  cache.write_ref(options.revision, info.commit);
  result.folder = cache.snapshot(info.commit);
  result.commit = info.commit;
  result.license = info.license;
  result.non_commercial = is_non_commercial(info.license);
  result.files = files.size();
  result.downloaded_files = wanted.size();
  result.downloaded_bytes = total_bytes(wanted);
  result.missing = missing_model_file(result.folder).value_or("");
  return result;
}

}  // namespace

PullOptions pull_options(const Environment& environment) {
  PullOptions options;
  options.endpoint = environment("HF_ENDPOINT").value_or(kDefaultEndpoint);
  options.cache_folder = hub_cache_folder(environment);
  options.token = find_token(environment);
  options.offline = is_true(environment("HF_HUB_OFFLINE"));
  for (const char* name :
       {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"}) {
    if (options.ca_file.empty()) options.ca_file = environment(name).value_or("");
  }
  if (const auto timeout = environment("HF_HUB_DOWNLOAD_TIMEOUT")) {
    unsigned int seconds = 0;
    const char* const end = timeout->data() + timeout->size();
    const std::from_chars_result parsed = std::from_chars(timeout->data(), end, seconds);
    if (parsed.ec != std::errc() || parsed.ptr != end || seconds == 0 || seconds > 86'400) {
      throw Error(ErrorCode::kInvalidArgument, "HF_HUB_DOWNLOAD_TIMEOUT '" + *timeout +
                                                   "' is not a number of seconds in 1..86400");
    }
    options.stall_timeout = std::chrono::seconds(seconds);
  }
  return options;
}

PullResult pull_model(const PullOptions& given, const PullObserver& observer) {
  PullOptions options = given;
  const RepoReference reference = parse_repo_reference(given.repo + "@" + given.revision);
  options.repo = reference.repo;
  if (options.offline) return pull_offline(options);
  options.endpoint = normalize_endpoint(given.endpoint);
  options.parallel_files = std::clamp<std::size_t>(given.parallel_files, 1, kMaxParallelFiles);
  PullProgress progress(observer);
  RepoInfo info;
  try {
    info = HubClient(options, progress, std::stop_token()).repo_info();
  } catch (const Error& error) {
    const std::optional<std::string> cached =
        find_in_cache(options.cache_folder, options.repo, options.revision);
    if (error.code() != ErrorCode::kUnavailable || !cached) throw;
    progress.note(std::string(error.what()) + "; the cached model is used as it is");
    return cached_result(*cached);
  }
  return pull_listed(options, info, progress);
}

}  // namespace nestvec
