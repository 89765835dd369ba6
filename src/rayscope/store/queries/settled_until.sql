SELECT session_no, until_ns FROM settled;
