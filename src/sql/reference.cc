#include "sql/reference.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "sql/operators.h"
#include "sql/reference_value.h"

namespace sluice::sql::reference {
namespace {

Truth truth_of(bool value) {
  return value ? Truth::kTrue : Truth::kFalse;
}
Truth truth_of(const Known& value) {
  return value.null ? Truth::kUnknown : truth_of(value.text == "t");
}

bool holds(CompareOp op, int order) {
  bool equal = op == CompareOp::kEqual || op == CompareOp::kLessEqual || op == CompareOp::kGreaterEqual;
  bool less = op == CompareOp::kLess || op == CompareOp::kLessEqual || op == CompareOp::kNotEqual;
  bool more = op == CompareOp::kGreater || op == CompareOp::kGreaterEqual || op == CompareOp::kNotEqual;
  return order == 0 ? equal : order < 0 ? less : more;
}

// An array as it is written: its elements, how deep its braces go, how many there are of each depth, and where its
// dimensions begin, where it says so.
struct Written {
  std::vector<std::optional<std::string>> elements;
  int depth = 0;
  std::vector<long long> braces;
  std::vector<long long> lowers;

  long long lower() const { return lowers.empty() ? 1 : lowers[0]; }
};

Written read_array(std::string_view text) {
  Written out;
  if (text.starts_with('[')) {
    std::string_view bounds = text.substr(0, text.find('='));
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      if (bounds[i] == '[') out.lowers.push_back(std::stoll(std::string(bounds.substr(i + 1))));
    }
    text.remove_prefix(text.find('=') + 1);
  }
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') {
      out.depth = std::max(out.depth, ++depth);
      out.braces.resize(static_cast<std::size_t>(out.depth));
      ++out.braces[static_cast<std::size_t>(depth - 1)];
    }
    if (text[i] == '}') --depth;
    if (text[i] == '{' || text[i] == '}' || text[i] == ',') continue;
    std::string element;
    bool quoted = text[i] == '"';
    if (quoted) ++i;
    for (; quoted ? text[i] != '"' : text[i] != ',' && text[i] != '}'; ++i) {
      if (text[i] == '\\') ++i;
      element += text[i];
    }
    if (!quoted) --i;
    if (!quoted && element == "NULL")
      out.elements.emplace_back();
    else
      out.elements.emplace_back(element);
  }
  return out;
}

class Walker {
 public:
  Walker(Row row, const Table& table) : row_(row), table_(table) {}

  Truth truth(const Expression& expression) const {
    Truth found = std::visit([&](const auto& node) { return walk(node); }, expression.node());
    if (compares_ && disagreement_.empty() && fast(expression) != found) disagreement_ = "a condition";
    return found;
  }

  // Every condition and every value that is met from now on is compared with what the other evaluator has.
  void compare_all() { compares_ = true; }
  const std::string& disagreement() const { return disagreement_; }

 private:
  Truth fast(const Expression& expression) const {
    std::pmr::monotonic_buffer_resource arena;
    Evaluation evaluation{row_, arena};
    return expression.evaluate(evaluation);
  }

  static bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || a == b; }

  void compare_with_fast(const Call& call, const Known& found) const {
    std::pmr::monotonic_buffer_resource arena;
    Evaluation evaluation{row_, arena};
    Value value = value_of(call, evaluation);
    bool equal = value.null == found.null;
    if (!value.null && !found.null) {
      if (is_float(call.type))
        equal = same(value.real, found.real);
      else if (call.type == Type::kBool)
        equal = (value.integer != 0) == (found.text == "t");
      else if (is_integer(call.type))
        equal = std::to_string(value.integer) == found.text;
      else if (call.type == Type::kInterval)
        equal = value.integer == found.moment && value.months == found.months && value.days == found.days;
      else if (call.type >= Type::kDate && call.type <= Type::kTimestamptz)
        equal = value.integer == found.moment;
      else
        equal = value.text == found.text;
    }
    if (!equal && disagreement_.empty()) {
      disagreement_ =
          "function " + std::to_string(static_cast<int>(call.function)) + " of type " + std::string(name_of(call.type));
    }
  }

  Known value(const Operand& operand) const {
    switch (operand.source) {
      case Operand::Source::kColumn: return row_[operand.column] ? read(*row_[operand.column], operand.type) : Known();
      case Operand::Source::kConstant: return of(operand.constant);
      case Operand::Source::kCall: {
        Known found = value(*operand.call);
        if (compares_) compare_with_fast(*operand.call, found);
        return found;
      }
      case Operand::Source::kCondition: {
        Truth found = truth(*operand.condition);
        if (found == Truth::kUnknown) return {};
        return of(Constant{.type = Type::kBool, .integer = found == Truth::kTrue});
      }
    }
    return {};
  }

  Known value(const Call& call) const {
    if (call.function == Function::kDimensions) return dimensions(*call.array);
    if (call.function == Function::kCase) {
      std::size_t i = 0;
      while (i + 1 < call.args.size() && truth_of(value(call.args[i])) != Truth::kTrue) i += 2;
      return value(call.args[i + 1 < call.args.size() ? i + 1 : i]);
    }
    std::vector<Known> args;
    for (const Operand& arg : call.args) args.push_back(value(arg));
    bool lenient = call.function >= Function::kCoalesce;
    if (lenient) return chosen(call, args);
    for (const Known& arg : args) {
      if (arg.null) return {};
    }
    return result_of(call, args);
  }

  static Domain domain_of(Type type) {
    if (is_integer(type) || type == Type::kNumeric) return Domain::kDecimal;
    if (is_float(type)) return Domain::kReal;
    if (type == Type::kText || type == Type::kUuid || type == Type::kBool || type == Type::kBpchar) return Domain::kBytes;
    return type == Type::kInterval ? Domain::kInterval : Domain::kTime;
  }

  static Known chosen(const Call& call, const std::vector<Known>& args) {
    Domain domain = domain_of(call.type);
    if (call.function == Function::kNullIf) {
      bool equal = !args[0].null && !args[1].null && compare(args[0], args[1], domain) == 0;
      return equal ? Known() : args[0];
    }
    Known out;
    for (const Known& arg : args) {
      if (arg.null) continue;
      int order = out.null ? 0 : compare(arg, out, domain);
      bool better = call.function == Function::kGreatest ? order > 0 : call.function == Function::kLeast && order < 0;
      if (out.null || better) out = arg;
    }
    return out;
  }

  Known in_domain(const Operand& operand, Domain domain) const { return brought(value(operand), operand.type, domain); }

  Truth walk(const Comparison& node) const {
    if (node.labels) return ordered(node);
    Known left = in_domain(node.left, node.domain);
    Known right = in_domain(node.right, node.domain);
    if (!left.null && !right.null) return truth_of(holds(node.op, compare(left, right, node.domain)));
    if (!node.null_safe) return Truth::kUnknown;
    bool same = left.null && right.null;
    return truth_of(same == (node.op == CompareOp::kEqual));
  }

  // By the places of the labels in the enum, of which the left side is a column.
  Truth ordered(const Comparison& node) const {
    Known left = value(node.left);
    Known right = value(node.right);
    if (left.null || right.null) return Truth::kUnknown;
    const auto& labels = table_.columns[node.left.column].enum_labels;
    auto after_left = std::find(std::find(labels.begin(), labels.end(), left.text), labels.end(), right.text);
    int order = left.text == right.text ? 0 : after_left != labels.end() ? -1 : 1;
    return truth_of(holds(node.op, order));
  }

  Truth walk(const Membership& node) const {
    Known left = in_domain(node.left, node.domain);
    if (left.null) return Truth::kUnknown;
    for (const Constant& item : node.items) {
      if (compare(left, brought(of(item), item.type, node.domain), node.domain) == 0) return Truth::kTrue;
    }
    return node.has_null ? Truth::kUnknown : Truth::kFalse;
  }

  // Nullopt: the array is null.
  using Values = std::optional<std::vector<Known>>;

  Values column_elements(std::uint32_t column, Type type, Domain domain) const {
    if (!row_[column]) return std::nullopt;
    Values out{std::vector<Known>()};
    for (const auto& element : read_array(*row_[column]).elements) {
      out->push_back(element ? brought(read(*element, type), type, domain) : Known());
    }
    return out;
  }

  Values elements(const ArrayValue& array, Domain domain) const {
    Values out;
    for (const ArrayPart& part : array.parts) {
      Values more{std::vector<Known>()};
      if (part.source == ArrayPart::Source::kElement) more->push_back(in_domain(part.element, domain));
      if (part.source == ArrayPart::Source::kConstants) {
        for (const Constant& item : part.items) more->push_back(brought(of(item), item.type, domain));
      }
      if (part.source == ArrayPart::Source::kColumn) {
        if (!row_[part.column]) continue;
        Written written = read_array(*row_[part.column]);
        bool flat = written.depth <= 1 && written.lower() <= kArrayBoundMax && written.lower() >= -kArrayBoundMax;
        if (array.from_one) flat = flat && written.lower() == 1;
        if (array.parts.size() > 1 && !flat) return std::nullopt;
        more = column_elements(part.column, array.element, domain);
      }
      if (!out) out.emplace();
      out->insert(out->end(), more->begin(), more->end());
    }
    return out;
  }

  Known dimensions(const ArrayValue& array) const {
    Values values = elements(array, Domain::kBytes);
    if (!values || values->empty()) return {};
    int depth = array.parts.size() > 1 ? 1 : read_array(*row_[array.parts[0].column]).depth;
    return of(Constant{.type = Type::kInt4, .integer = depth});
  }

  // Lengths of the dimensions, and then where they begin. Each brace of a depth holds as many.
  std::vector<long long> sizes(const ArrayValue& array, std::size_t elements) const {
    const ArrayPart& part = array.parts[0];
    if (elements == 0) return {};
    std::vector<long long> out{static_cast<long long>(elements)};
    std::vector<long long> lowers{1};
    if (array.parts.size() == 1 && part.source == ArrayPart::Source::kColumn) {
      Written written = read_array(*row_[part.column]);
      std::vector<long long> held(written.braces.begin() + 1, written.braces.end());
      held.push_back(static_cast<long long>(elements));
      out.clear();
      for (std::size_t i = 0; i < held.size(); ++i) out.push_back(held[i] / written.braces[i]);
      lowers = written.lowers.empty() ? std::vector<long long>(held.size(), 1) : written.lowers;
    } else if (array.parts.size() == 1 && part.bounds.dimensions > 0) {
      auto n = static_cast<std::ptrdiff_t>(part.bounds.dimensions);
      out.assign(part.bounds.lengths.begin(), part.bounds.lengths.begin() + n);
      lowers.assign(part.bounds.lowers.begin(), part.bounds.lowers.begin() + n);
    }
    out.insert(out.end(), lowers.begin(), lowers.end());
    return out;
  }

  // As the manual has it: the contents first, and then the dimensions.
  Truth walk(const ArrayComparison& node) const {
    Values left = elements(node.left, node.domain);
    Values right = elements(node.right, node.domain);
    if (!left || !right) {
      if (!node.null_safe) return Truth::kUnknown;
      return truth_of((!left && !right) == (node.op == CompareOp::kEqual));
    }
    int order = 0;
    for (std::size_t i = 0; order == 0 && i < left->size() && i < right->size(); ++i) {
      const Known& a = (*left)[i];
      const Known& b = (*right)[i];
      if (!a.null && !b.null) order = compare(a, b, node.domain);
      if (a.null && !b.null) order = 1;
      if (!a.null && b.null) order = -1;
    }
    if (order == 0 && left->size() != right->size()) order = left->size() < right->size() ? -1 : 1;
    std::vector<long long> a = sizes(node.left, left->size());
    std::vector<long long> b = sizes(node.right, right->size());
    if (order == 0 && a.size() != b.size()) order = a.size() < b.size() ? -1 : 1;
    if (order == 0 && a != b) order = a < b ? -1 : 1;
    return truth_of(holds(node.op, order));
  }

  // Element by element, as OR or AND of comparisons.
  static Truth each(CompareOp op, bool all, const Known& left, const Values& values, Domain domain) {
    if (!values) return Truth::kUnknown;
    Truth out = truth_of(all);
    for (const Known& one : *values) {
      Truth found = left.null || one.null ? Truth::kUnknown : truth_of(holds(op, compare(left, one, domain)));
      if (found == truth_of(!all)) return found;
      if (found == Truth::kUnknown) out = found;
    }
    return out;
  }

  Truth walk(const ElementTest& node) const {
    Known left = in_domain(node.left, node.domain);
    return each(node.op, node.all, left, column_elements(node.array, node.element, node.domain), node.domain);
  }
  Truth walk(const ElementOf& node) const {
    return each(node.op, node.all, in_domain(node.left, node.domain), elements(node.array, node.domain), node.domain);
  }

  static Truth sets(ArrayOp op, const Values& left, const Values& right, Domain domain) {
    if (!left || !right) return Truth::kUnknown;
    auto among = [&](const Known& one, const Values& all) {
      return std::any_of(all->begin(), all->end(),
                         [&](const Known& other) { return !one.null && !other.null && compare(one, other, domain) == 0; });
    };
    if (op == ArrayOp::kContainedBy) return sets(ArrayOp::kContains, right, left, domain);
    if (op == ArrayOp::kOverlaps) {
      return truth_of(std::any_of(left->begin(), left->end(), [&](const Known& one) { return among(one, right); }));
    }
    return truth_of(std::all_of(right->begin(), right->end(), [&](const Known& one) { return among(one, left); }));
  }

  Truth walk(const ArrayTest& node) const {
    Values items{std::vector<Known>()};
    for (const Constant& item : node.items) items->push_back(brought(of(item), item.type, node.domain));
    if (node.has_null) items->emplace_back();
    return sets(node.op, column_elements(node.array, node.element, node.domain), items, node.domain);
  }
  Truth walk(const ArraysTest& node) const {
    return sets(node.op, elements(node.left, node.domain), elements(node.right, node.domain), node.domain);
  }

  Truth walk(const Likeness& node) const {
    Known text = value(node.left);
    if (text.null) return Truth::kUnknown;
    // A column's own blanks count: what is compared without them is another matter.
    bool column = node.left.source == Operand::Source::kColumn;
    std::string whole = column ? std::string(*row_[node.left.column]) : text.text;
    if (node.left.source == Operand::Source::kConstant) whole = node.left.constant.text;
    if (!node.ignore_case) return truth_of(is_like(whole, node.text));
    bool folded = collation_of(node.left, table_).casing == Collation::Casing::kLibc;
    return truth_of(is_like(lowered(whole, folded), lowered(node.text, folded)));
  }

  Truth walk(const NullTest& node) const {
    bool array = node.operand.source == Operand::Source::kColumn && node.operand.type == Type::kOther;
    bool null = array ? !row_[node.operand.column] : value(node.operand).null;
    return truth_of(null != node.negated);
  }
  Truth walk(const TruthTest& node) const { return truth_of((truth_of(value(node.operand)) == node.truth) != node.negated); }
  Truth walk(const Predicate& node) const { return truth_of(value(node.operand)); }

  Truth walk(const Negation& node) const {
    Truth inner = truth(*node.term);
    return inner == Truth::kUnknown ? inner : truth_of(inner == Truth::kFalse);
  }
  Truth walk(const Junction& node) const {
    int unknown = 0;
    int decisive = 0;
    for (const Expression& term : node.terms) {
      Truth found = truth(term);
      unknown += found == Truth::kUnknown ? 1 : 0;
      decisive += found == truth_of(!node.conjunction) ? 1 : 0;
    }
    if (decisive > 0) return truth_of(!node.conjunction);
    return unknown > 0 ? Truth::kUnknown : truth_of(node.conjunction);
  }

  Row row_;
  const Table& table_;
  bool compares_ = false;
  mutable std::string disagreement_;
};

}  // namespace

std::string disagreement(const Expression& expression, Row row, const Table& table) {
  Walker walker(row, table);
  walker.compare_all();
  walker.truth(expression);
  return walker.disagreement();
}

}  // namespace sluice::sql::reference
