// SPDX-License-Identifier: Apache-2.0
// Machines laid out as small /proc and /sys trees.
#include "base/cgroup.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/cpu.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class Machine {
 public:
  Machine() {
    std::string path = (fs::temp_directory_path() / "nestvec-machine-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
    system.root = path;
    system.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { fs::remove_all(system.root); }

  void write(const std::string& path, const std::string& text) const {
    const fs::path file = system.root + path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  // `cpus` hardware threads, `per_core` of them on a core.
  void set_cpus(std::size_t cpus, std::size_t per_core = 1) {
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
      system.affinity_cpus.push_back(cpu);
      std::string siblings;  // as Linux numbers them: cpu, cpu + cores, ...
      const std::size_t cores = cpus / per_core;
      for (std::size_t i = 0; i < per_core; ++i) {
        siblings += (i == 0 ? "" : ",") + std::to_string(cpu % cores + i * cores);
      }
      write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
            siblings + "\n");
    }
  }
  void mount_v2(const std::string& group, const std::string& root = "/") const {
    write("/proc/self/cgroup", "0::" + group + "\n");
    write("/proc/self/mountinfo",
          "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
          "29 23 0:26 " +
              root + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
  }
  void mount_v1(const std::string& group, const std::string& root = "/") const {
    write("/proc/self/cgroup",
          "9:name=systemd:/x\n4:cpu,cpuacct:" + group + "\n3:memory:" + group + "\n2:cpuset:/\n");
    write("/proc/self/mountinfo",
          "32 31 0:29 " + root +
              " /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
              "33 31 0:30 " +
              root +
              " /sys/fs/cgroup/memory rw master:1 - cgroup cgroup rw,memory\n"
              "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  }

  SystemView system;
  std::map<std::string, std::string> variables;
};

TEST(Cgroup, NothingToReadIsNoLimit) {
  Machine machine;
  EXPECT_FALSE(cgroup_cpu_quota(machine.system));
  EXPECT_FALSE(cgroup_memory_limit(machine.system));
  EXPECT_EQ(resident_memory(machine.system).peak_bytes, 0u);
}

TEST(Cgroup, Version2TakesTheLeastOnTheWayUp) {
  Machine machine;
  machine.mount_v2("/pods/pod1/box");
  machine.write("/sys/fs/cgroup/pods/pod1/box/cpu.max", "max 100000\n");
  machine.write("/sys/fs/cgroup/pods/pod1/cpu.max", "250000 100000\n");
  machine.write("/sys/fs/cgroup/pods/cpu.max", "800000 100000\n");
  machine.write("/sys/fs/cgroup/pods/pod1/box/memory.max", "max\n");
  machine.write("/sys/fs/cgroup/pods/memory.max", "5368709120\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(machine.system).value(), 2.5);
  EXPECT_EQ(cgroup_memory_limit(machine.system).value(), 5368709120u);
}

TEST(Cgroup, Version2AtTheRootOfANamespace) {
  Machine machine;
  machine.mount_v2("/");
  machine.write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(machine.system).value(), 0.5);
}

TEST(Cgroup, Version1) {
  Machine machine;
  machine.mount_v1("/user/job");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/user/job/cpu.cfs_quota_us", "-1\n");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/user/job/cpu.cfs_period_us", "100000\n");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_quota_us", "300000\n");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/user/cpu.cfs_period_us", "100000\n");
  machine.write("/sys/fs/cgroup/memory/user/job/memory.limit_in_bytes", "9223372036854771712\n");
  machine.write("/sys/fs/cgroup/memory/user/memory.limit_in_bytes", "1073741824\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(machine.system).value(), 3.0);
  EXPECT_EQ(cgroup_memory_limit(machine.system).value(), 1073741824u);
}

// A container without a cgroup namespace: the mount shows its own group, the file the host's path.
TEST(Cgroup, Version1InAContainer) {
  Machine machine;
  machine.mount_v1("/docker/abc", "/docker/abc");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(machine.system).value(), 1.5);
}

TEST(Cgroup, AGroupOutsideOfTheMountReadsTheMountPoint) {
  Machine machine;
  machine.mount_v2("/../../other", "/docker/abc");
  machine.write("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_DOUBLE_EQ(cgroup_cpu_quota(machine.system).value(), 2.0);
}

TEST(Cgroup, BrokenFilesAreNoLimit) {
  Machine machine;
  machine.mount_v2("/a");
  for (const char* text : {"", "max", "many 100000", "100000 0", "-5 100000", "1 2 3"}) {
    machine.write("/sys/fs/cgroup/a/cpu.max", text);
    EXPECT_FALSE(cgroup_cpu_quota(machine.system)) << text;
  }
  machine.write("/proc/self/mountinfo",
                "29 - - -\ncgroup2\n29 23 0:26 / /sys/fs/cgroup rw - cgroup2");
  EXPECT_FALSE(cgroup_cpu_quota(machine.system));
}

TEST(ResidentMemory, FromStatus) {
  Machine machine;
  machine.write("/proc/self/status", "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n");
  const ResidentMemory memory = resident_memory(machine.system);
  EXPECT_EQ(memory.current_bytes, 1u << 20);
  EXPECT_EQ(memory.peak_bytes, 2u << 20);
}

TEST(ResidentMemory, OfThisProcess) {
  const ResidentMemory memory = resident_memory(this_system());
  EXPECT_GT(memory.current_bytes, 0u);
  EXPECT_GE(memory.peak_bytes, memory.current_bytes);
}

TEST(Threads, AllCores) {
  Machine machine;
  machine.set_cpus(8);
  const ThreadPlan plan = decide_threads(0, 0, machine.system);
  EXPECT_EQ(plan.threads, 8u);
  EXPECT_EQ(plan.reason, "8: all 8 cores");
}

TEST(Threads, HyperthreadsAreNotCores) {
  Machine machine;
  machine.set_cpus(8, 2);
  EXPECT_EQ(decide_threads(0, 0, machine.system).reason,
            "4: 4 physical cores behind 8 hardware threads");
  machine.system.affinity_cpus = {0, 4};  // both threads of one core
  EXPECT_EQ(decide_threads(0, 0, machine.system).reason,
            "1: 1 physical core behind 2 hardware threads");
}

TEST(Threads, QuotaIsRoundedDown) {
  Machine machine;
  machine.set_cpus(8);
  machine.mount_v2("/a");
  machine.write("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
  EXPECT_EQ(decide_threads(0, 0, machine.system).reason, "2: cgroup quota 2.0 of 8 cores");
  machine.write("/sys/fs/cgroup/a/cpu.max", "290000 100000\n");
  EXPECT_EQ(decide_threads(0, 0, machine.system).threads, 2u);
  machine.write("/sys/fs/cgroup/a/cpu.max", "199990 100000\n");
  EXPECT_EQ(decide_threads(0, 0, machine.system).threads, 2u);
  machine.write("/sys/fs/cgroup/a/cpu.max", "20000 100000\n");
  EXPECT_EQ(decide_threads(0, 0, machine.system).threads, 1u);
}

TEST(Threads, CpuLimit) {
  Machine machine;
  machine.set_cpus(8);
  EXPECT_EQ(decide_threads(2, 0, machine.system).reason, "2: cpu_limit 2.0 of 8 cores");
  EXPECT_EQ(decide_threads(0.5, 0, machine.system).threads, 1u);
  EXPECT_EQ(decide_threads(64, 0, machine.system).threads, 8u);
}

TEST(Threads, ARequestGoesOverPhysicalCoresOnly) {
  Machine machine;
  machine.set_cpus(8, 2);
  EXPECT_EQ(decide_threads(0, 6, machine.system).reason, "6: as configured");
  EXPECT_EQ(decide_threads(0, 99, machine.system).reason,
            "8: affinity to 8 cores, below the 99 of the configuration");
  EXPECT_EQ(decide_threads(2, 6, machine.system).reason,
            "2: cpu_limit 2.0 of 8 cores, below the 6 of the configuration");
}

TEST(Threads, OpenMpVariable) {
  Machine machine;
  machine.set_cpus(8);
  machine.variables["OMP_NUM_THREADS"] = "3";
  EXPECT_EQ(decide_threads(0, 0, machine.system).reason, "3: OMP_NUM_THREADS");
  EXPECT_EQ(decide_threads(0, 5, machine.system).reason, "5: as configured");
  machine.variables["OMP_NUM_THREADS"] = "4,2";
  EXPECT_EQ(decide_threads(0, 0, machine.system).threads, 4u);
  for (const char* text : {"0", "-1", "many", "4x"}) {
    machine.variables["OMP_NUM_THREADS"] = text;
    EXPECT_EQ(decide_threads(0, 0, machine.system).threads, 8u) << text;
  }
}

TEST(Threads, WithoutTopologyEveryCpuIsACore) {
  Machine machine;
  machine.system.affinity_cpus = {1, 3, 5};
  EXPECT_EQ(decide_threads(0, 0, machine.system).threads, 3u);
  machine.system.affinity_cpus.clear();
  EXPECT_EQ(decide_threads(0, 0, machine.system).threads, 1u);
}

TEST(Threads, OfThisMachine) {
  const ThreadPlan plan = decide_threads(0, 0);
  EXPECT_GE(plan.threads, 1u);
  EXPECT_TRUE(plan.reason.starts_with(std::to_string(plan.threads) + ": ")) << plan.reason;
}

}  // namespace
}  // namespace nestvec
