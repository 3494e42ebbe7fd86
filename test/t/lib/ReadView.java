import java.sql.*;

/**
 * Reads a query over JDBC and prints what a BI tool would see: a line per column (name,
 * the database's type, the Java class of its values), then a line per row.
 *
 * java -cp postgresql.jar ReadView.java URL QUERY
 */
public class ReadView {
	public static void main(String[] args) throws Exception {
		try (Connection connection = DriverManager.getConnection(args[0]);
			 Statement statement = connection.createStatement();
			 ResultSet rows = statement.executeQuery(args[1])) {
			ResultSetMetaData columns = rows.getMetaData();
			for (int i = 1; i <= columns.getColumnCount(); i++)
				System.out.println(columns.getColumnLabel(i) + "|" + columns.getColumnTypeName(i)
						+ "|" + columns.getColumnClassName(i));
			while (rows.next()) {
				StringBuilder line = new StringBuilder();
				for (int i = 1; i <= columns.getColumnCount(); i++)
					line.append(i > 1 ? "|" : "").append(rows.getObject(i));
				System.out.println(line);
			}
		}
	}
}
