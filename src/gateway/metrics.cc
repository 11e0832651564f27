#include "gateway/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <string>

namespace sluice::gateway {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

constexpr std::array<const char*, kRoutes> kRouteNames = {"granted_shape", "named_shape", "gatekeeper", "health", "none"};

prometheus::Family<prometheus::Counter>& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}

}  // namespace

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
                .Add({})) {
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

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

}  // namespace sluice::gateway
