#pragma once

// PostgreSQL's raw parse tree as C++ may read it. Only the files of this folder that walk trees include it: the
// server's headers define macros (printf, Min, ERROR, …) that must not reach anybody else.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policies/postgres/session_state.h"
#include "policies/statement/facts.h"

extern "C" {
#include <postgres.h>

#include <catalog/pg_class_d.h>
#include <nodes/nodes.h>
#include <nodes/parsenodes.h>
#include <nodes/pg_list.h>
}
#undef printf
#undef fprintf
#undef sprintf
#undef snprintf
#undef vsnprintf
#undef vprintf
#undef vfprintf
#undef vsprintf
#undef strerror
#undef strerror_r
#undef foreach
#undef Min
#undef Max
#undef Abs
#undef ERROR
#undef LOG
#undef INFO
#undef NOTICE
#undef WARNING
#undef FATAL
#undef PANIC
#undef bind
#undef gettext

namespace stepgate::policies::postgres
{

inline NodeTag tag_of(const void* node)
{
    return static_cast<const ::Node*>(node)->type;
}

/// The caller has looked at the tag.
template <typename T>
const T& as(const void* node)
{
    return *static_cast<const T*>(node);
}

/// The node as a T if it is one.
template <typename T>
const T* if_tag(const void* node, NodeTag tag)
{
    return node != nullptr && tag_of(node) == tag ? static_cast<const T*>(node) : nullptr;
}

/// Elements of a list of nodes; empty for NIL.
inline std::span<const ::ListCell> cells(const ::List* list)
{
    if (list == nullptr)
        return {};
    return {list->elements, static_cast<std::size_t>(list->length)};
}

inline const ::Node* node_of(const ::ListCell& cell)
{
    return static_cast<const ::Node*>(cell.ptr_value);
}

inline std::string_view view_of(const char* text)
{
    return text == nullptr ? std::string_view{} : std::string_view{text};
}

/// Text of a String node, empty for anything else.
inline std::string_view text_of(const void* node)
{
    const auto* string = if_tag<::String>(node, T_String);
    return string == nullptr ? std::string_view{} : view_of(string->sval);
}

/// What columns of a table are qualified with where it stands in a query.
inline std::string_view named_in_query(const ::RangeVar& table)
{
    return view_of(table.alias == nullptr ? table.relname : table.alias->aliasname);
}

inline const ::Node* without_casts(const void* node)
{
    while (const auto* cast = if_tag<::TypeCast>(node, T_TypeCast))
        node = cast->arg;
    return static_cast<const ::Node*>(node);
}

/// Of ARRAY[..].
inline std::span<const ::ListCell> elements_of(const ::Node* array)
{
    const auto* written = if_tag<::A_ArrayExpr>(without_casts(array), T_A_ArrayExpr);
    return written == nullptr ? std::span<const ::ListCell>{} : cells(written->elements);
}

/// The constant's text if the node is a string constant (a cast around it does not matter to callers).
inline const ::A_Const* constant_of(const void* node)
{
    return if_tag<::A_Const>(without_casts(node), T_A_Const);
}

/// The text of a string constant; null for any other, for NULL and for none.
inline const char* literal_of(const ::A_Const* constant)
{
    const bool text = constant != nullptr && !constant->isnull && constant->val.node.type == T_String;
    return text ? constant->val.sval.sval : nullptr;
}

} // namespace stepgate::policies::postgres
