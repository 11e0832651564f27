#include "sql/client_condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sql/literal.h"
#include "sql/value.h"

namespace sluice::sql {
namespace {

using simdjson::dom::element;
using Checked = std::expected<void, std::string>;

constexpr std::array<std::string_view, 6> kComparisons{"=", "<>", "<", "<=", ">", ">="};
constexpr std::array<std::string_view, 3> kArrayOperators{"@>", "<@", "&&"};
constexpr std::array<std::string_view, 4> kLikeOperators{"~~", "!~~", "~~*", "!~~*"};
constexpr std::array<std::string_view, 5> kFunctions{"lower", "upper", "length", "char_length", "octet_length"};
// pg_attribute of any table; no column of a user's can have one of these names.
constexpr std::array<std::string_view, 6> kSystemColumns{"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"};

bool among(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != std::ranges::end(names);
}

// The one name, or the one in pg_catalog.
std::string_view plain_name(const std::vector<element>& names) {
  if (names.empty() || names.size() > 2) return {};
  if (names.size() == 2 && TreeNode::of(names[0]).text("sval") != "pg_catalog") return {};
  return TreeNode::of(names.back()).text("sval");
}

bool ends_in_escape(std::string_view pattern) {
  std::size_t last = pattern.find_last_not_of('\\');
  std::size_t backslashes = pattern.size() - (last == std::string_view::npos ? 0 : last + 1);
  return backslashes % 2 == 1;
}

class ClientCondition {
 public:
  explicit ClientCondition(const ClientScope& scope) : scope_(scope) {}

  Checked check(element tree) {
    if (depth_ >= kExpressionDepthMax) return std::unexpected("it is nested too deeply");
    ++depth_;
    Checked out = check_node(TreeNode::of(tree));
    --depth_;
    return out;
  }

 private:
  static Checked refuse(std::string_view what) { return std::unexpected(fmt::format("{} is not permitted", what)); }

  Checked check_node(const TreeNode& node) {
    if (node.kind == "ColumnRef") return check_column(node);
    if (node.kind == "A_Const" || node.kind == "ParamRef") return {};
    if (node.kind == "TypeCast") return check_cast(node);
    if (node.kind == "A_Expr") return check_operator(node);
    if (node.kind == "BoolExpr" || node.kind == "CoalesceExpr") return check_all(node.list("args"));
    if (node.kind == "NullTest" || node.kind == "BooleanTest") return check_member(node, "arg");
    if (node.kind == "A_ArrayExpr") return check_array(node);
    if (node.kind == "List") return check_all(node.list("items"));
    if (node.kind == "FuncCall") return check_function(node);
    if (node.kind == "SubLink") return refuse("a subquery");
    return refuse(node.kind);
  }

  // Of constants only: where a column is an array itself, its dimensions have to be those of what stands beside it.
  Checked check_array(const TreeNode& node) {
    auto items = node.list("elements");
    for (element item : items) {
      if (!is_constant(item)) return refuse("an array of what is no constant");
    }
    return check_all(items);
  }

  Checked check_member(const TreeNode& node, std::string_view name) {
    if (!node.has(name)) return refuse(node.kind);
    return check(node.element(name));
  }

  Checked check_all(const std::vector<element>& trees) {
    for (element tree : trees) {
      if (auto ok = check(tree); !ok) return ok;
    }
    return {};
  }

  Checked check_column(const TreeNode& node) {
    auto fields = node.list("fields");
    if (fields.empty() || fields.size() > 3) return refuse("a reference of more than three names");
    const std::string_view qualifiers[] = {scope_.table.schema, scope_.table.name};
    for (std::size_t i = 0; i + 1 < fields.size(); ++i) {
      TreeNode part = TreeNode::of(fields[i]);
      if (part.kind != "String" || part.text("sval") != qualifiers[i + 3 - fields.size()])
        return refuse("a reference to another table");
    }
    TreeNode last = TreeNode::of(fields.back());
    if (last.kind != "String") return refuse("a reference to the whole row");
    std::string_view name = last.text("sval");
    if (among(kSystemColumns, name)) return refuse("a system column");
    if (scope_.columns != nullptr) {
      if (std::ranges::binary_search(*scope_.columns, name)) return {};
      return std::unexpected(fmt::format("{} may not be queried", name));
    }
    // The table's name is the whole row, unless there is a column of that name: qualified, it can only be that.
    if (fields.size() == 1 && name == scope_.table.name) return refuse("a reference to the whole row");
    return {};
  }

  // Of constants only, to types whose input reads nothing but the text; an interval's looks at IntervalStyle.
  Checked check_cast(const TreeNode& node) {
    auto name = scalar_type_named(node);
    if (!name) name = array_type_named(node);
    if (!name || !type_named(*name) || *name == "interval") return refuse("a cast to this type");
    if (!node.has("arg") || !is_constant(node.element("arg"))) return refuse("a cast of what is no constant");
    return check(node.element("arg"));
  }

  bool is_constant(element tree) const {
    TreeNode node = TreeNode::of(tree);
    if (node.kind == "A_Const" || node.kind == "ParamRef") return true;
    if (node.kind == "TypeCast") return node.has("arg") && is_constant(node.element("arg"));
    if (node.kind == "A_Expr") return is_sign(node) && is_constant(node.element("rexpr"));
    if (node.kind != "A_ArrayExpr") return false;
    auto items = node.list("elements");
    return std::ranges::all_of(items, [this](element item) { return is_constant(item); });
  }

  static bool is_sign(const TreeNode& node) {
    std::string_view name = plain_name(node.list("name"));
    return !node.has("lexpr") && node.has("rexpr") && (name == "-" || name == "+");
  }

  Checked check_operator(const TreeNode& node) {
    std::string_view kind = node.text("kind");
    std::string_view name = plain_name(node.list("name"));
    if (is_sign(node)) {
      if (!is_constant(node.element("rexpr"))) return refuse("arithmetic");
      return check(node.element("rexpr"));
    }
    if (!node.has("lexpr") || !node.has("rexpr")) return refuse("this operator");
    if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE" || (kind == "AEXPR_OP" && among(kLikeOperators, name)))
      return check_like(node);
    if (!is_permitted(kind, name)) return refuse(kind == "AEXPR_OP" ? "this operator" : kind);
    if (auto ok = check(node.element("lexpr")); !ok) return ok;
    return check(node.element("rexpr"));
  }

  static bool is_permitted(std::string_view kind, std::string_view name) {
    if (kind == "AEXPR_OP") return among(kComparisons, name) || among(kArrayOperators, name);
    if (kind == "AEXPR_OP_ANY" || kind == "AEXPR_OP_ALL") return among(kComparisons, name);
    return kind == "AEXPR_IN" || kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT" || kind == "AEXPR_BETWEEN" ||
           kind == "AEXPR_NOT_BETWEEN" || kind == "AEXPR_BETWEEN_SYM" || kind == "AEXPR_NOT_BETWEEN_SYM";
  }

  Checked check_like(const TreeNode& node) {
    TreeNode pattern = node.node("rexpr");
    while (pattern.kind == "TypeCast" && check_cast(pattern)) pattern = pattern.node("arg");
    if (pattern.kind != "A_Const" && pattern.kind != "ParamRef") return refuse("a pattern that is no plain constant");
    auto text =
        pattern.kind == "A_Const" ? bind_literal(scope_.tree, pattern) : bind_param(scope_.tree, pattern, scope_.params);
    if (!text || ends_in_escape(text->operand.constant.text)) return refuse("a pattern that ends in its escape");
    return check(node.element("lexpr"));
  }

  // A plain call: none of what makes it an aggregate, a window or variadic.
  Checked check_function(const TreeNode& node) {
    std::string_view name = plain_name(node.list("funcname"));
    for (auto [field, value] : node.fields) {
      bool plain = field == "funcname" || field == "args" || field == "funcformat" || field == "location";
      if (!plain) return refuse("this form of a function call");
    }
    auto args = node.list("args");
    if (!among(kFunctions, name) || args.size() != 1) return refuse("this function");
    return check_all(args);
  }

  const ClientScope& scope_;
  std::size_t depth_ = 0;
};

}  // namespace

std::expected<void, std::string> check_client_condition(simdjson::dom::element condition, const ClientScope& scope) {
  return ClientCondition(scope).check(condition);
}

}  // namespace sluice::sql
