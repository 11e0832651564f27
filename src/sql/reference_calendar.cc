#include "sql/reference_calendar.h"

namespace sluice::sql::reference {
namespace {

constexpr int kJulianOf2000 = 2'451'545;

}  // namespace

Wide day_of(Wide year, Wide month, Wide day) {
  if (month > 2) {
    month += 1;
    year += 4800;
  } else {
    month += 13;
    year += 4799;
  }
  Wide century = year / 100;
  Wide julian = year * 365 - 32167;
  julian += year / 4 - century + century / 4;
  julian += 7834 * month / 256 + day;
  return julian - kJulianOf2000;
}

Civil civil_of(Wide days) {
  Wide julian = days + kJulianOf2000 + 32044;
  Wide quad = julian / 146097;
  Wide extra = (julian - quad * 146097) * 4 + 3;
  julian += 60 + quad * 3 + extra / 146097;
  quad = julian / 1461;
  julian -= quad * 1461;
  Wide year = julian * 4 / 1461;
  julian = (year != 0 ? (julian + 305) % 365 : (julian + 306) % 366) + 123;
  year += quad * 4;
  quad = julian * 2141 / 65536;
  return {year - 4800, (quad + 10) % 12 + 1, julian - 7834 * quad / 256};
}

Wide last_of_month(Wide year, Wide month) {
  Wide next = month == 12 ? day_of(year + 1, 1, 1) : day_of(year, month + 1, 1);
  return next - day_of(year, month, 1);
}

}  // namespace sluice::sql::reference
