#include "policies/postgres/looped_change.h"

#include "policies/postgres/identifier_list.h"

namespace stepgate::policies::postgres
{
namespace
{

const ::SelectStmt* query_of(const std::optional<RawParse>& parse)
{
    const auto statements = cells(parse && parse->good() ? parse->statements() : nullptr);
    return statements.size() != 1 ? nullptr
                                  : if_tag<::SelectStmt>(as<::RawStmt>(node_of(statements.front())).stmt, T_SelectStmt);
}

} // namespace

LoopedChange::LoopedChange(const ::Node* statement, const std::string& rows, bool standard_conforming_strings)
    : statement_(statement)
{
    if (rows.empty())
        return;
    rows_.emplace("select from " + rows, standard_conforming_strings);
    if (query_of(rows_) == nullptr)
        return; // of what has no rows: SHOW, or a query that begins with WITH and changes something
    if (const auto* deletion = if_tag<::DeleteStmt>(statement, T_DeleteStmt)) {
        delete_ = *deletion;
        join(delete_.usingClause, delete_.whereClause, standard_conforming_strings);
        statement_ = reinterpret_cast<const ::Node*>(&delete_);
    } else if (const auto* update = if_tag<::UpdateStmt>(statement, T_UpdateStmt)) {
        update_ = *update;
        join(update_.fromClause, update_.whereClause, standard_conforming_strings);
        statement_ = reinterpret_cast<const ::Node*>(&update_);
    }
}

/// WHERE CURRENT OF a cursor is the row of its query.
void LoopedChange::join(::List*& from, ::Node*& where, bool standard_conforming_strings)
{
    for (const ::List* list :
         {static_cast<const ::List*>(from), static_cast<const ::List*>(query_of(rows_)->fromClause)})
        items_.insert(items_.end(), cells(list).begin(), cells(list).end());
    from_ = std::make_unique<::List>();
    from_->type = T_List;
    from_->length = from_->max_length = static_cast<int>(items_.size());
    from_->elements = items_.data();
    from = from_.get();
    const auto* cursor = if_tag<::CurrentOfExpr>(where, T_CurrentOfExpr);
    if (cursor == nullptr || cursor->cursor_name == nullptr)
        return;
    current_.emplace("select where ctid = " + quoted_name(view_of(cursor->cursor_name)) + ".ctid",
                     standard_conforming_strings);
    if (const ::SelectStmt* row = query_of(current_))
        where = row->whereClause;
}

} // namespace stepgate::policies::postgres
