#include "sql/print.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/array.h"
#include "sql/call.h"
#include "sql/call_print.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

std::string_view symbol(CompareOp op) {
  switch (op) {
    case CompareOp::kLess: return "<";
    case CompareOp::kLessEqual: return "<=";
    case CompareOp::kEqual: return "=";
    case CompareOp::kNotEqual: return "<>";
    case CompareOp::kGreaterEqual: return ">=";
    case CompareOp::kGreater: return ">";
  }
  return "";
}

std::string_view symbol(ArrayOp op) {
  switch (op) {
    case ArrayOp::kContains: return " @> ";
    case ArrayOp::kContainedBy: return " <@ ";
    case ArrayOp::kOverlaps: return " && ";
  }
  return "";
}

class Printer {
 public:
  Printer(const Table& table, bool guarded) : table_(table), guarded_(guarded) {}

  std::string take() { return std::move(out_); }

  // What is too long is refused: there is no need to finish it.
  void print(const Expression& expression) {
    if (out_.size() > kPrintedBytesMax) return;
    std::visit([&](const auto& node) { print(node); }, expression.node());
  }

 private:
  // An enum's literal is not cast: its type's schema is not known here, and beside a column of the type it needs none.
  void print(const Constant& constant) {
    out_ += constant.null ? "NULL" : quoted_literal(text_of(constant));
    if (constant.type == Type::kEnum) return;
    out_.append("::").append(name_of(constant.type));
  }

  void print(const Operand& operand) {
    switch (operand.source) {
      case Operand::Source::kColumn: out_ += quoted_identifier(table_.columns[operand.column].name); break;
      case Operand::Source::kConstant: print(operand.constant); break;
      case Operand::Source::kCondition: print(*operand.condition); break;
      case Operand::Source::kCall: print(*operand.call); break;
    }
  }

  void print(const Call& call) {
    if (out_.size() > kPrintedBytesMax) return;
    if (call.function == Function::kDimensions) {
      out_ += "array_ndims(";
      print(*call.array);
      out_ += ')';
      return;
    }
    std::string text = print_call(call, guarded_, [this](const Operand& operand) {
      Printer inner(table_, guarded_);
      inner.print(operand);
      return inner.take();
    });
    // Guards may write an operand more than once, and those within it again.
    if (text.size() > kPrintedBytesMax) text.resize(kPrintedBytesMax + 1);
    out_ += text;
  }

  void print(const Comparison& node) { print_comparison(node); }
  void print(const ArrayComparison& node) { print_comparison(node); }

  void print_comparison(const auto& node) {
    out_ += '(';
    print(node.left);
    out_ += ' ';
    if (!node.null_safe)
      out_ += symbol(node.op);
    else
      out_ += node.op == CompareOp::kEqual ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM";
    out_ += ' ';
    print(node.right);
    out_ += ')';
  }

  void print(const Membership& node) {
    out_ += '(';
    print(node.left);
    out_ += " IN (";
    bool first = true;
    auto item = [&](const Constant& constant) {
      if (!first) out_ += ", ";
      first = false;
      print(constant);
    };
    for (const Constant& constant : node.items) item(constant);
    if (node.has_null) item(Constant{.type = node.left.type, .null = true});
    out_ += "))";
  }

  void print(const ElementTest& node) {
    out_ += '(';
    print(node.left);
    out_.append(" ").append(symbol(node.op)).append(node.all ? " ALL(" : " ANY(");
    out_ += quoted_identifier(table_.columns[node.array].name) + "))";
  }

  void print(const ArrayTest& node) {
    const Column& column = table_.columns[node.array];
    std::string literal;
    for (const Constant& item : node.items) literal += (literal.empty() ? "" : ",") + quoted_element(text_of(item));
    if (node.has_null) literal += literal.empty() ? "NULL" : ",NULL";
    out_.append("(").append(quoted_identifier(column.name)).append(symbol(node.op));
    out_ += quoted_literal("{" + literal + "}");
    out_.append("::").append(element_name_of(column)).append("[])");
  }

  void print(const ArraysTest& node) {
    out_ += '(';
    print(node.left);
    out_ += symbol(node.op);
    print(node.right);
    out_ += ')';
  }

  void print(const ElementOf& node) {
    out_ += '(';
    print(node.left);
    out_.append(" ").append(symbol(node.op)).append(node.all ? " ALL(" : " ANY(");
    print(node.array);
    out_ += "))";
  }

  std::string text_of_part(const ArrayPart& part, const ArrayValue& array) {
    Printer inner(table_, guarded_);
    if (part.source == ArrayPart::Source::kColumn) return quoted_identifier(table_.columns[part.column].name);
    if (part.source == ArrayPart::Source::kElement) {
      inner.print(part.element);
      return inner.take();
    }
    std::vector<std::string> items;
    for (const Constant& item : part.items) items.push_back(item.null ? "NULL" : quoted_element(text_of(item)));
    std::string literal = array_text(items, part.bounds.dimensions > 0 ? part.bounds : flat_bounds(items.size()));
    return quoted_literal(literal) + "::" + array.element_name + "[]";
  }

  // Put together from the first part that is an array: elements before it from the back, and then what comes after it.
  void print(const ArrayValue& array) {
    auto is_element = [](const ArrayPart& part) { return part.source == ArrayPart::Source::kElement; };
    auto first = std::ranges::find_if_not(array.parts, is_element);
    std::string out = text_of_part(*first, array);
    for (auto part = first; part != array.parts.begin();) {
      --part;
      out = "array_prepend(" + text_of_part(*part, array) + ", " + out + ")";
    }
    for (auto part = first + 1; part != array.parts.end(); ++part) {
      out = (is_element(*part) ? "array_append(" : "array_cat(") + out + ", " + text_of_part(*part, array) + ")";
    }
    out_ += guarded_ && array.parts.size() > 1 ? flat(array, out) : out;
  }

  // NULL where Postgres could not put it together.
  std::string flat(const ArrayValue& array, const std::string& text) {
    std::string conditions;
    for (const ArrayPart& part : array.parts) {
      if (part.source != ArrayPart::Source::kColumn) continue;
      std::string column = quoted_identifier(table_.columns[part.column].name);
      std::string begins = array.from_one ? fmt::format("array_lower({}, 1) = 1", column)
                                          : fmt::format("abs(array_lower({}, 1)::int8) <= {}", column, kArrayBoundMax);
      conditions +=
          fmt::format("{}coalesce(array_ndims({}) = 1 AND {}, true)", conditions.empty() ? "" : " AND ", column, begins);
    }
    return conditions.empty() ? text : "(CASE WHEN " + conditions + " THEN " + text + " END)";
  }

  void print(const Likeness& node) {
    out_ += '(';
    print(node.left);
    out_ += node.ignore_case ? " ILIKE " : " LIKE ";
    out_ += quoted_literal(node.text) + "::text)";
  }

  void print(const NullTest& node) {
    out_ += '(';
    print(node.operand);
    out_ += node.negated ? " IS NOT NULL)" : " IS NULL)";
  }

  void print(const TruthTest& node) {
    out_ += '(';
    print(node.operand);
    out_ += node.negated ? " IS NOT " : " IS ";
    out_ += node.truth == Truth::kTrue ? "TRUE)" : node.truth == Truth::kFalse ? "FALSE)" : "UNKNOWN)";
  }

  void print(const Predicate& node) { print(node.operand); }

  void print(const Junction& node) {
    out_ += '(';
    for (std::size_t i = 0; i < node.terms.size(); ++i) {
      if (i > 0) out_ += node.conjunction ? " AND " : " OR ";
      print(node.terms[i]);
    }
    out_ += ')';
  }

  void print(const Negation& node) {
    out_ += "(NOT ";
    print(*node.term);
    out_ += ')';
  }

  const Table& table_;
  bool guarded_;
  std::string out_;
};

std::string quoted(std::string_view text, char quote, bool escape) {
  std::string out(1, quote);
  for (char c : text) {
    if (c == quote || (escape && c == '\\')) out += c;
    out += c;
  }
  out += quote;
  return out;
}

}  // namespace

std::string print(const Expression& expression, const Table& table, bool guarded) {
  Printer printer(table, guarded);
  printer.print(expression);
  return printer.take();
}

std::string quoted_identifier(std::string_view name) {
  return quoted(name, '"', false);
}

std::string quoted_literal(std::string_view text) {
  bool escape = text.find('\\') != std::string_view::npos;
  return (escape ? "E" : "") + quoted(text, '\'', escape);
}

}  // namespace sluice::sql
