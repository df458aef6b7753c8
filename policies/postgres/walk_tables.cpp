#include "policies/postgres/walk.h"

namespace stepgate::policies::postgres
{

namespace
{

using statement::TableAccess;

/// What it calls, rows that come later run as well.
bool gives_code(::AlterTableType what)
{
    return what == AT_AddColumn || what == AT_AddConstraint || what == AT_ColumnDefault || what == AT_AlterColumnType;
}

/// varchar(n)'s n; 0: none is given. Nothing: something else is.
std::optional<std::int32_t> type_length(const ::TypeName& type)
{
    const auto limits = cells(type.typmods);
    if (limits.empty())
        return 0;
    const auto* const limit = constant_of(node_of(limits.front()));
    const bool number = limits.size() == 1 && limit != nullptr && !limit->isnull && limit->val.node.type == T_Integer;
    return number && limit->val.ival.ival > 0 ? std::optional{limit->val.ival.ival} : std::nullopt;
}

/// A foreign key with that action refuses what would leave a row without the one that it refers to.
bool only_looks(char action)
{
    return action == FKCONSTR_ACTION_NOACTION || action == FKCONSTR_ACTION_RESTRICT;
}

bool is_generated(const ::ColumnDef& column)
{
    return std::ranges::any_of(cells(column.constraints), [](const ::ListCell& cell) {
        return as<::Constraint>(node_of(cell)).contype == CONSTR_GENERATED;
    });
}

} // namespace

/// Nothing has that name, in the schema of `relation` or on the path.
bool Walk::is_free(const ::RangeVar& relation, std::string_view name) const
{
    const Found found = names_->relation(view_of(relation.schemaname), name);
    return found.relation == nullptr && found.others.empty() && !found.built_in && found.redefined == nullptr;
}

/// What was known of the old name holds for the new one. A temporary relation stays one, and no catalog will show it.
void Walk::rename_relation(const ::RangeVar& relation, const char* name)
{
    const Found found = find(relation);
    const auto* const before = found.redefined;
    const bool all_known = is_free(relation, name) && found.others.empty() && !found.built_in &&
                           (before != nullptr ? !before->code : found.relation != nullptr);
    statement::Redefine change;
    change.relation = name;
    change.code = found.own ? before->code : !all_known;
    if (all_known && found.relation != nullptr) {
        change.was = joined(found.relation->schema, found.relation->name);
        moved_to_ = name;
    }
    if (before != nullptr) {
        change.temporary = found.own;
        change.lasts = found.own ? before->lasting : before->temporary;
        change.writes = before->writes;
        change.copies = before->copies;
        change.family = before->family;
        change.referenced = before->referenced;
        change.keys = before->keys;
        change.referencing = before->referencing;
    }
    change.copies.push_back({found.table, found.known, {"*"}});
    effect(std::move(change));
    if (found.own)
        effect(statement::Redefine{.relation = relation.relname, .function = {}, .gone = true, .copies = {}});
}

void Walk::create_table(const ::CreateStmt& create)
{
    makes(*create.relation, create.oncommit);
    defined_ = create.relation;
    may_be_there_ = create.if_not_exists;
    is(Kind::create, "table");
    Scope scope = fresh_scope();
    add_target(*create.relation, scope);
    scope.items.front().table.clear(); // its own columns are new: naming them reads nothing
    scope.items.front().outputs.complete = false;
    defines_column_ = true;
    type_name(create.ofTypename, scope);
    defines_column_ = false;
    for (const ::ListCell& cell : cells(create.tableElts))
        table_element(node_of(cell), scope);
    for (const ::ListCell& cell : cells(create.constraints))
        table_element(node_of(cell), scope);
    if (create.partspec != nullptr)
        for (const ::ListCell& cell : cells(create.partspec->partParams))
            expression(as<::PartitionElem>(node_of(cell)).expr, scope);
    for (const ::ListCell& cell : cells(create.inhRelations)) {
        ::RangeVar parent = as<::RangeVar>(node_of(cell));
        partition_bound(create.partbound, parent);
        parent.inh = false; // its other children stay as they are
        write_table(parent);
        relate(*create.relation, parent);
    }
    write_table(*create.relation);
}

/// INCLUDING takes along defaults, generated columns, checks and indexes: what these run, rows of the new table will.
void Walk::like(const ::TableLikeClause& clause)
{
    read_table(*clause.relation, {});
    const Found found = find(*clause.relation);
    redefines_code_ = redefines_code_ || (found.redefined != nullptr && found.redefined->code);
    if (clause.options != 0 && bodies_ != nullptr && found.relation != nullptr)
        redefines_code_ = redefines_code_ || does_more_than_compute(bodies_->values(*found.relation));
}

/// It calls functions of users that read or change something, or that are not understood.
bool Walk::does_more_than_compute(const Footprint& made)
{
    if (base_ != nullptr) // in a body that is being read others cannot be
        return !made.touches.empty() || !made.opaque_reasons.empty();
    statement::StatementFacts done = made.facts;
    std::vector<std::string> reasons = made.opaque_reasons;
    Follower{*bodies_, done, reasons}.run(made.touches, context());
    return !reasons.empty() || !done.reads.empty() || !done.writes.empty() || !done.inner.empty() || done.destructive;
}

/// What stands between the parentheses of CREATE TABLE, and behind ADD in ALTER TABLE.
void Walk::table_element(const ::Node* element, Scope& scope)
{
    switch (tag_of(element)) {
    case T_ColumnDef: {
        const auto& definition = as<::ColumnDef>(element);
        defines_column_ = true;
        type_name(definition.typeName, scope);
        defines_column_ = false;
        expression(definition.raw_default, scope);
        for (const ::ListCell& cell : cells(definition.constraints))
            constraint(as<::Constraint>(node_of(cell)), scope, view_of(definition.colname));
        return;
    }
    case T_Constraint:
        return constraint(as<::Constraint>(element), scope);
    case T_TableLikeClause:
        return like(as<::TableLikeClause>(element));
    default:
        opaque("defines something that stepgate does not know (node " + std::to_string(tag_of(element)) + ")");
    }
}

/// A new foreign key, check or exclusion looks at the rows that are there. `column`: the one that it stands behind.
void Walk::constraint(const ::Constraint& constraint, Scope& scope, std::string_view column)
{
    expression(constraint.raw_expr, scope);
    expression(constraint.where_clause, scope);
    for (const ::ListCell& cell : cells(constraint.keys))
        plain_column(text_of(node_of(cell)), scope);
    for (const ::ListCell& cell : cells(constraint.fk_attrs))
        plain_column(text_of(node_of(cell)), scope);
    for (const ::ListCell& cell : cells(constraint.exclusions)) {
        const auto pair = cells(reinterpret_cast<const ::List*>(node_of(cell)));
        const ::ListCell* const first = pair.data();
        if (const auto* element = if_tag<::IndexElem>(node_of(*first), T_IndexElem)) {
            expression(element->expr, scope);
            if (element->name != nullptr)
                plain_column(element->name, scope);
        }
    }
    if (constraint.pktable != nullptr)
        foreign_key(constraint, column);
}

void Walk::foreign_key(const ::Constraint& constraint, std::string_view column)
{
    const Found other = find(*constraint.pktable);
    TableAccess key{other.table, other.known, {}};
    for (const ::ListCell& cell : cells(constraint.pk_attrs))
        key.columns.emplace_back(text_of(node_of(cell)));
    if (key.columns.empty() && catalog_ != nullptr) {
        if (other.relation != nullptr && other.others.empty() && other.redefined == nullptr)
            key.columns = other.relation->primary_key;
        if (key.columns.empty())
            key.columns.emplace_back("*"); // which they are, is not known
    }
    read_table(*constraint.pktable, {});
    for (const std::string& of_key : key.columns)
        read_table(*constraint.pktable, of_key);
    const bool changes_rows = !only_looks(constraint.fk_upd_action) || !only_looks(constraint.fk_del_action);
    statement::Redefine referred{.relation = constraint.pktable->relname,
                                 .function = {},
                                 .temporary = makes_temporary_ || other.own,
                                 .copies = {},
                                 .referenced = changes_rows || defined_ == nullptr};
    if (!referred.referenced) {
        const Found own = find(*defined_);
        TableAccess rows{own.table, own.known, {}};
        for (const ::ListCell& cell : cells(constraint.fk_attrs))
            rows.columns.emplace_back(text_of(node_of(cell)));
        if (rows.columns.empty())
            rows.columns.emplace_back(column);
        referred.referencing = {std::move(rows), key};
    }
    effect(std::move(referred));
    keys_.push_back(std::move(key));
    if (other.redefined == nullptr)
        return;
    keys_.insert(keys_.end(), other.redefined->copies.begin(), other.redefined->copies.end());
    redefines_writes_ = redefines_writes_ || !other.redefined->family.empty(); // they are looked up in those, too
}

void Walk::index_elements(const ::List* elements, Scope& scope)
{
    for (const ::ListCell& cell : cells(elements)) {
        const auto& element = as<::IndexElem>(node_of(cell));
        expression(element.expr, scope);
        if (element.name != nullptr)
            plain_column(element.name, scope);
    }
}

void Walk::create_index(const ::IndexStmt& index)
{
    is(Kind::create, "index");
    Scope scope = fresh_scope();
    add_target(*index.relation, scope);
    index_elements(index.indexParams, scope);
    index_elements(index.indexIncludingParams, scope);
    expression(index.whereClause, scope);
    write_table(*index.relation);
}

void Walk::alter_table(const ::AlterTableStmt& alter)
{
    is(Kind::alter, object_name(alter.objtype));
    defined_ = alter.relation;
    Scope scope = fresh_scope();
    add_target(*alter.relation, scope);
    for (const ::ListCell& cell : cells(alter.cmds)) {
        if (const auto* command = if_tag<::AlterTableCmd>(node_of(cell), T_AlterTableCmd)) {
            TableAccess write = write_table(*alter.relation);
            const std::size_t calls = facts().calls.size();
            alter_command(*alter.relation, *command, scope, write);
            redefines_writes_ = redefines_writes_ || (gives_code(command->subtype) && calls_code(calls));
            alters_besides(command->subtype);
            write_table(*alter.relation).columns = std::move(write.columns);
        } else {
            opaque("alters a table in a way that stepgate does not know");
        }
    }
    write_table(*alter.relation);
    if (alters_nothing(alter)) {
        is(Kind::alter, "nothing");
        facts().destructive = false;
    }
    if (alter.objtype == OBJECT_TYPE)
        write_typed_tables(*alter.relation);
}

/// What changes in a type changes in the tables OF it: the server refuses the statement without CASCADE if there are
/// any.
void Walk::write_typed_tables(const ::RangeVar& type)
{
    const catalog::Relation* const row = find(type).relation;
    if (row == nullptr)
        return;
    for (const catalog::Relation& relation : catalog_->contents().relations) {
        if (!spend(1))
            return;
        const catalog::Type* const of = relation.of_type == 0 ? nullptr : catalog_->type(relation.of_type);
        if (of != nullptr && of->relation == row->oid)
            write_index(joined(relation.schema, relation.name), true, &relation, ::RangeVar{}, {});
    }
}

/// What ALTER TABLE changes besides the table itself, as rules name it; of several the one that others hide behind
/// most.
void Walk::alters_besides(::AlterTableType what)
{
    static constexpr std::string_view by_weight[] = {"owner", "inheritance", "rule", "trigger", "policy"};
    std::string_view object;
    switch (what) {
    case AT_EnableRowSecurity:
    case AT_DisableRowSecurity:
    case AT_ForceRowSecurity:
    case AT_NoForceRowSecurity:
        object = "policy";
        break;
    case AT_EnableTrig:
    case AT_EnableAlwaysTrig:
    case AT_EnableReplicaTrig:
    case AT_DisableTrig:
    case AT_EnableTrigAll:
    case AT_DisableTrigAll:
    case AT_EnableTrigUser:
    case AT_DisableTrigUser:
        object = "trigger";
        break;
    case AT_EnableRule:
    case AT_EnableAlwaysRule:
    case AT_EnableReplicaRule:
    case AT_DisableRule:
        object = "rule";
        break;
    case AT_AddInherit:
    case AT_DropInherit:
    case AT_AttachPartition:
    case AT_DetachPartition:
        object = "inheritance";
        break;
    case AT_ChangeOwner:
        object = "owner";
        break;
    default:
        return;
    }
    if (facts().object == "foreign table" && object == "owner")
        return; // what rules say of foreign tables counts for more
    const auto weight = [](std::string_view name) {
        return std::ranges::find(by_weight, name) - std::begin(by_weight);
    };
    const bool first = std::ranges::find(by_weight, facts().object) == std::end(by_weight);
    if (first || weight(facts().object) < weight(object))
        facts().object = object;
}

/// The columns of the relation's foreign keys, in both directions: they are compared again.
void Walk::read_keys(const ::RangeVar& target)
{
    const catalog::Relation* const relation = find(target).relation;
    if (bodies_ == nullptr || relation == nullptr)
        return;
    const auto read = [this](const catalog::Relation& of, const std::vector<std::string>& columns) {
        facts().reads.push_back({joined(of.schema, of.name), true, columns});
        readings_.push_back({&of, false});
    };
    for (const Reference& key : bodies_->references(*relation)) {
        read(*key.parent, *key.parent_columns);
        read(*relation, *key.child_columns);
    }
    for (const catalog::ReferencedBy& key : relation->referenced_by) {
        read(*relation, key.our_columns);
        if (const catalog::Relation* child = catalog_->relation(key.relation))
            read(*child, key.columns);
    }
}

/// The server's own type of that name; "": another type.
std::string_view Walk::own_type(const ::TypeName& type) const
{
    const auto parts = cells(type.names);
    const std::string_view name = text_of(node_of(parts.back()));
    if (type.arrayBounds != nullptr || type.setof || type.pct_type)
        return {};
    if (parts.size() == 2 && text_of(node_of(parts.front())) == "pg_catalog")
        return name;
    const auto has = [&](std::string_view schema) { return catalog_->type(schema, name) != nullptr; };
    const auto first = std::ranges::find_if(names_->path(), has);
    const bool found = parts.size() == 1 && names_->path_known() && first != names_->path().end();
    return found && *first == "pg_catalog" && !state_->made_code_type(name) && !state_->made_plain_type(name)
               ? name
               : std::string_view{};
}

/// USING, if there is one, casts the column to the type that it becomes.
bool Walk::only_casts(const ::Node* expression, std::string_view column, const ::TypeName& to) const
{
    if (const auto* cast = if_tag<::TypeCast>(expression, T_TypeCast)) {
        if (own_type(*cast->typeName) != own_type(to) || type_length(*cast->typeName) != type_length(to))
            return false;
        expression = cast->arg;
    }
    const auto* named = if_tag<::ColumnRef>(expression, T_ColumnRef);
    return expression == nullptr ||
           (named != nullptr && named->fields->length == 1 && text_of(node_of(cells(named->fields).front())) == column);
}

/// How a column's type changes without losing anything of any value.
Walk::Widening Walk::widening(const ::RangeVar& target, const ::AlterTableCmd& command) const
{
    const auto& made = as<::ColumnDef>(command.def);
    const Found found = find(target);
    if (found.relation == nullptr || !found.known || !found.others.empty() || found.redefined != nullptr ||
        !found.relation->children.empty() || state_->redefined_all() || made.collClause != nullptr ||
        !only_casts(made.raw_default, view_of(command.name), *made.typeName))
        return Widening::no;
    const auto& columns = found.relation->columns;
    const auto column = std::ranges::find(columns, view_of(command.name), &catalog::Column::name);
    if (column == columns.end())
        return Widening::no;
    const auto of_it = [&](const std::string& expression) { return expression.find(column->name) != expression.npos; };
    if (std::ranges::any_of(found.relation->checks, of_it) ||
        std::ranges::any_of(found.relation->index_expressions, of_it))
        return Widening::no;
    constexpr catalog::Oid bigint = 20, smallint = 21, integer = 23, text = 25, real = 700, varchar = 1043;
    const std::string_view name = own_type(*made.typeName);
    const auto length = type_length(*made.typeName);
    if (column->type == text || column->type == varchar) {
        const bool longer = length == 0 || (name == "varchar" && length && column->type == varchar &&
                                            column->length != 0 && *length >= column->length);
        if (!longer || (name != "text" && name != "varchar"))
            return Widening::no;
        return made.raw_default == nullptr ? Widening::of_definition : Widening::of_rows;
    }
    const bool whole = column->type == smallint || column->type == integer || column->type == bigint;
    const bool wider = (name == "int4" && column->type == smallint) || (name == "int8" && whole) ||
                       (name == "numeric" && whole) || (name == "float8" && column->type == real);
    return wider && length == 0 ? Widening::of_rows : Widening::no;
}

/// Its values are values of the columns that the parent is partitioned by.
void Walk::partition_bound(const ::PartitionBoundSpec* bound, const ::RangeVar& parent)
{
    if (bound == nullptr)
        return;
    Scope none; // MINVALUE and MAXVALUE come as column names
    expressions(bound->listdatums, none);
    expressions(bound->lowerdatums, none);
    expressions(bound->upperdatums, none);
    if (const auto* relation = find(parent).relation) {
        for (const catalog::Column& column : relation->columns)
            use_type(column.type);
        for (const std::string& column : relation->default_partition_key)
            read_table(parent, column); // an error says whether the default partition has such a row
    }
}

/// Dropping a column and changing its type lose data; the rest of what is not listed changes definitions only.
void Walk::alter_command(const ::RangeVar& target, const ::AlterTableCmd& command, Scope& scope, TableAccess& write)
{
    switch (command.subtype) {
    case AT_DropColumn:
        facts().destructive = true;
        write.columns.emplace_back(view_of(command.name));
        return;
    case AT_AlterColumnType:
        out_.literals_consulted = true;
        if (const auto how = widening(target, command); how != Widening::no) {
            write.columns.emplace_back(view_of(command.name));
            if (how == Widening::of_rows) {
                read_keys(target);
                index_again(target);
            }
            return;
        }
        facts().destructive = true;
        write.columns.emplace_back(view_of(command.name));
        read_column(scope.items.front(), view_of(command.name));
        read_keys(target);
        expression(as<::ColumnDef>(command.def).raw_default, scope);
        return type_name(as<::ColumnDef>(command.def).typeName, scope);
    case AT_AddColumn:
        write.columns.emplace_back(view_of(as<::ColumnDef>(command.def).colname));
        index_again(target); // a default may write all rows anew
        generates_ = generates_ || is_generated(as<::ColumnDef>(command.def));
        return table_element(command.def, scope);
    case AT_AddConstraint:
        return table_element(command.def, scope);
    case AT_ColumnDefault:
        write.columns.emplace_back(view_of(command.name));
        if (const auto* relation = scope.items.front().relation; relation != nullptr && command.def != nullptr)
            if (const auto column = std::ranges::find(relation->columns, view_of(command.name), &catalog::Column::name);
                column != relation->columns.end())
                use_type(column->type); // the default is a value of it
        return expression(command.def, scope);
    case AT_AttachPartition:
    case AT_DetachPartition: {
        relate(*as<::PartitionCmd>(command.def).name, target);
        if (catalog_ != nullptr)
            read_table(*as<::PartitionCmd>(command.def).name, "*"); // its rows must fit
        read_keys(*as<::PartitionCmd>(command.def).name);
        read_keys(target);
        const auto& partition = as<::PartitionCmd>(command.def);
        write_table(*partition.name);
        return partition_bound(partition.bound, target);
    }
    case AT_AddInherit:
    case AT_DropInherit:
        relate(target, as<::RangeVar>(command.def));
        return read_table(as<::RangeVar>(command.def), {});
    case AT_SetNotNull:
    case AT_DropNotNull:
    case AT_SetStatistics:
    case AT_SetStorage:
    case AT_SetRelOptions:
    case AT_ResetRelOptions:
    case AT_SetOptions:
    case AT_ResetOptions:
    case AT_SetCompression:
    case AT_ClusterOn:
    case AT_DropCluster:
    case AT_SetTableSpace:
    case AT_ReplicaIdentity:
    case AT_ChangeOwner:
    case AT_DropConstraint:
        return;
    case AT_SetUnLogged: // a crash empties it
        facts().destructive = true;
        return;
    case AT_ValidateConstraint:
        if (const auto* relation = find(target).relation; relation != nullptr && !relation->checks.empty())
            take_footprint(bodies_->checked(*relation)); // its error tells what the rows hold
        return read_keys(target);
    default:
        redefines_code_ = true; // triggers, row security, generated values, …
        return;
    }
}

} // namespace stepgate::policies::postgres
