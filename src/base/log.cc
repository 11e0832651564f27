#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cmath>

#include "base/json_write.h"

namespace sluice::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};

// Never destroyed, and in no registry that is: threads of libraries (gRPC's) may log while the process ends.
spdlog::logger& sink() {
  static spdlog::logger& logger = *[] {
    auto* made = new spdlog::logger("sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return logger;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarn: return "warn";
    case Level::kError: return "error";
    case Level::kOff: break;
  }
  return "off";
}

spdlog::level::level_enum spd_level(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarn: return spdlog::level::warn;
    default: return spdlog::level::err;
  }
}

struct AppendValue {
  std::string& line;
  void operator()(std::string_view v) const { append_json_string(line, v); }
  void operator()(std::int64_t v) const { line += std::to_string(v); }
  // JSON has no infinities.
  void operator()(double v) const { line += std::isfinite(v) ? fmt::format("{}", v) : "null"; }
  void operator()(bool v) const { line += v ? "true" : "false"; }
};

}  // namespace

void set_level(Level level) {
  g_level.store(level, std::memory_order_relaxed);
}
Level level() {
  return g_level.load(std::memory_order_relaxed);
}

void write(Level at, std::string_view event, std::span<const Field> fields) {
  if (at < level()) return;
  const auto now = std::chrono::system_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  std::string line = fmt::format(R"({{"ts":{}.{:03},"level":"{}","event":)", ms / 1000, ms % 1000, name_of(at));
  append_json_string(line, event);
  for (const Field& field : fields) {
    line += ',';
    append_json_string(line, field.name);
    line += ':';
    std::visit(AppendValue{line}, field.value);
  }
  line += '}';
  sink().log(spd_level(at), line);
}

}  // namespace sluice::log
