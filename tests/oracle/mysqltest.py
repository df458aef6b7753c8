"""Statements of a .test file of MySQL and MariaDB: enough of mysqltest's language to get at the SQL, in order.

What needs the language's control flow is read once, as it stands; what needs values that only a run gives is left out.
"""
import re

# Words that begin a command of mysqltest, not a statement of SQL.
COMMANDS = set("""append_file assert begin_concurrent break cat_file change_user character_set chmod connect connection
    copy_file copy_files_wildcard dec delimiter die diff_files dirty_close disable_abort_on_error
    disable_connect_log disable_info disable_metadata disable_parsing disable_ps_protocol disable_ps2_protocol
    disable_query_log disable_reconnect disable_result_log disable_rpl_parse disable_session_track_info
    disable_testcase disable_warnings disable_cursor_protocol disable_view_protocol disable_service_connection
    disable_column_names disable_prepare_warnings disable_non_blocking_api disable_ps_compat
    disconnect echo enable_abort_on_error enable_connect_log enable_info enable_metadata enable_parsing
    enable_ps_protocol enable_ps2_protocol enable_query_log enable_reconnect enable_result_log enable_rpl_parse
    enable_session_track_info enable_testcase enable_warnings enable_cursor_protocol enable_view_protocol
    enable_service_connection enable_column_names enable_prepare_warnings enable_non_blocking_api
    end error exec execw exit file_exists horizontal_results if inc let list_files list_files_append_file
    list_files_write_file lowercase_result mkdir move_file optimizer_trace output perl ping
    real_sleep reap remove_file remove_files_wildcard replace_column replace_numeric_round replace_regex
    replace_result require reset_connection result_format rmdir rpl_sync send_kill send_quit send_shutdown
    shutdown_server skip sleep sorted_result partially_sorted_result source start_timer end_timer sync_slave_with_master
    sync_with_master save_master_pos system timer vertical_results wait_for_slave_to_stop while write_file
    write_line enable_prepared_statement""".split())
WITH_SQL = {"query", "send", "eval", "send_eval", "query_vertical", "query_horizontal", "query_get_value", "evalp"}
FIRST = re.compile(rb"[a-z_0-9]+", re.I)
VARIABLE = re.compile(rb"\$\w+")
# What hides a delimiter: quoted text, and comments to the end of a line.
HIDES = rb"""'(?:[^'\\]|\\.)*(?:'|$)|"(?:[^"\\]|\\.)*(?:"|$)|`[^`]*(?:`|$)|#[^\n]*|-- [^\n]*"""


class Statement:
    def __init__(self, connection, sql, may_fail):
        self.connection, self.sql = connection, sql
        self.may_fail = may_fail  # --error stands before it


def statements(text):
    """In order. `text`: bytes of the file."""
    return list(_Reader(text).read())


class _Reader:
    def __init__(self, text):
        self.text, self.at = text.replace(b"\r\n", b"\n"), 0
        self._end_with(b";")
        self.connection = "default"
        self.variables = {}
        self.may_fail = False

    def _end_with(self, delimiter):
        self.delimiter = delimiter
        self.token = re.compile(rb"(?P<end>" + re.escape(delimiter) + rb")|" + HIDES, re.S)

    def read(self):
        while True:
            piece = self._next()
            if piece is None:
                return
            sql = self._sql_of(piece)
            if sql:
                yield Statement(self.connection, sql, self.may_fail)
                self.may_fail = False

    def _line(self):
        end = self.text.find(b"\n", self.at)
        end = len(self.text) if end < 0 else end
        line = self.text[self.at:end]
        self.at = end + 1
        return line

    def _next(self):
        """A command line, or what stands before the next delimiter."""
        while self.at < len(self.text):
            begin = self.at
            stripped = self._line().strip()
            if not stripped or stripped[:1] in b"#{}":
                continue
            if stripped.startswith(b"--"):
                return stripped[2:].strip()
            if re.match(rb"(if|while)\b[^;]*$", stripped, re.I):
                continue
            self.at = begin
            return self._until_delimiter()
        return None

    def _until_delimiter(self):
        begin = self.at
        for found in self.token.finditer(self.text, begin):
            if found.lastgroup == "end":
                self.at = found.end()
                return self.text[begin:found.start()].strip()
        self.at = len(self.text)
        return self.text[begin:].strip()

    def _sql_of(self, piece):
        while piece.startswith(b"#"):
            piece = piece.partition(b"\n")[2].strip()
        first = FIRST.match(piece)
        word = first.group().decode().lower() if first else ""
        rest = piece[first.end():].strip() if first else piece
        if word in WITH_SQL:
            return self._substituted(rest) if "eval" in word else (None if word == "query_get_value" else rest)
        if word not in COMMANDS or (word in ("end", "exit") and rest):
            return piece
        if word == "delimiter":
            self._end_with(rest.rstrip(self.delimiter) or b";" if rest != self.delimiter else rest)
        elif word == "error":
            self.may_fail = rest.strip(b"; ") != b"0"
        elif word == "connection":
            self.connection = rest.strip(b"; ").decode("latin1")
        elif word == "connect":
            self.connection = rest.strip(b"() ").split(b",")[0].strip().decode("latin1")
        elif word == "let":
            name, _, value = rest.partition(b"=")
            self.variables[name.strip()] = value.strip()
        elif word in ("perl", "write_file", "append_file"):
            last = rest.split()[-1] if word != "perl" and len(rest.split()) > 1 else b"EOF"
            end = re.search(rb"^" + re.escape(last) + rb"\b.*$", self.text[self.at:], re.M)
            self.at += end.end() if end else 0
        return None

    def _substituted(self, sql):
        for _ in range(3):
            sql = VARIABLE.sub(lambda m: self.variables.get(m.group(), m.group()), sql)
        return None if VARIABLE.search(sql) or b"`" in sql[:1] else sql
