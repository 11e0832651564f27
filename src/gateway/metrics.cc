#include "gateway/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <tuple>

namespace sluice::gateway {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

constexpr std::array<const char*, kRoutes> kRouteNames = {"granted_shape", "named_shape", "gatekeeper", "health", "none"};

prometheus::Family<prometheus::Counter>& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::ClientMetric metric_of(const Sample& sample) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  if (sample.counter)
    metric.counter.value = sample.value;
  else
    metric.gauge.value = sample.value;
  return metric;
}

void add_families(std::vector<Sample> samples, std::vector<prometheus::MetricFamily>& families) {
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return std::tie(a.name, a.labels) < std::tie(b.name, b.labels); });
  for (Sample& sample : samples) {
    const auto type = sample.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    if (families.empty() || families.back().name != sample.name)
      families.push_back({sample.name, std::move(sample.help), type, {}});
    families.back().metric.push_back(metric_of(sample));
  }
}

}  // namespace

// Makes families of what the sources say, one a name.
class Metrics::Sampler {
 public:
  void add(std::function<void(std::vector<Sample>&)> source) {
    const std::lock_guard lock(mutex_);
    sources_.push_back(std::move(source));
  }

  void collect(std::vector<prometheus::MetricFamily>& families) const {
    std::vector<Sample> samples;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& source : sources_) source(samples);
    }
    add_families(std::move(samples), families);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::function<void(std::vector<Sample>&)>> sources_;  // guarded by mutex_
};

std::string metrics_text(std::vector<Sample> samples) {
  std::vector<prometheus::MetricFamily> families;
  add_families(std::move(samples), families);
  return prometheus::TextSerializer().Serialize(families);
}

Metrics::Metrics()
    : registry_(std::make_shared<prometheus::Registry>()),
      refused_(counter(*registry_, "sluice_refusals_total", "Requests refused before the origin, by code.")),
      minted_(counter(*registry_, "sluice_grants_minted_total", "Grants signed by the gatekeeper.").Add({})),
      asked_origin_(
          counter(*registry_, "sluice_origin_requests_total", "Authorized requests handed to the origin.").Add({})),
      held_(BuildGauge()
                .Name("sluice_held_requests")
                .Help("Long polls and event streams being held.")
                .Register(*registry_)
                .Add({})),
      held_ended_(counter(*registry_, "sluice_held_requests_ended_total",
                          "Held requests ended before their time, by the code of the refusal.")),
      decided_(counter(*registry_, "sluice_decisions_total", "Decisions, by the authorizer that made them and kind.")),
      reloaded_(counter(*registry_, "sluice_reloads_total", "Configurations taken over, or refused.")),
      sampler_(std::make_unique<Sampler>()) {
  auto& family = counter(*registry_, "sluice_requests_total", "Requests answered, by route and class of status.");
  for (std::size_t route = 0; route < kRoutes; ++route)
    for (std::size_t digit = 0; digit < answered_[route].size(); ++digit)
      answered_[route][digit] = &family.Add({{"route", kRouteNames[route]}, {"status", std::to_string(digit) + "xx"}});
}

Metrics::~Metrics() = default;

void Metrics::answered(Route route, int status) {
  const std::size_t digit = status >= 100 && status < 600 ? static_cast<std::size_t>(status / 100) : 0;
  answered_[static_cast<std::size_t>(route)][digit]->Increment();
}
void Metrics::refused(std::string_view code) {
  refused_.Add({{"code", std::string(code)}}).Increment();
}
void Metrics::minted() {
  minted_.Increment();
}
void Metrics::asked_origin() {
  asked_origin_.Increment();
}
void Metrics::held(int change) {
  held_.Increment(change);
}

void Metrics::held_ended(std::string_view code) {
  held_ended_.Add({{"code", std::string(code)}}).Increment();
}
void Metrics::decided(std::string_view authorizer, std::string_view kind) {
  decided_.Add({{"authorizer", std::string(authorizer)}, {"decision", std::string(kind)}}).Increment();
}
void Metrics::reloaded(bool taken_over) {
  reloaded_.Add({{"result", taken_over ? "ok" : "failed"}}).Increment();
}
void Metrics::sample_with(std::function<void(std::vector<Sample>&)> source) {
  sampler_->add(std::move(source));
}

std::string Metrics::text() const {
  auto families = registry_->Collect();
  sampler_->collect(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace sluice::gateway
