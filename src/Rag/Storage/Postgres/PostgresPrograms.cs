using System.Globalization;
using Npgsql;

namespace Rag.Storage.Postgres;

/// <summary>A connection string as PostgreSQL's own programs take it.</summary>
internal static class PostgresPrograms
{
    /// <summary>Arguments, and the environment for what must not be seen in a list of processes.</summary>
    public static (IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment) Connection(NpgsqlConnectionStringBuilder c)
    {
        var environment = new Dictionary<string, string>();
        if (!string.IsNullOrEmpty(c.Password)) environment["PGPASSWORD"] = c.Password;
        if (!string.IsNullOrEmpty(c.Passfile)) environment["PGPASSFILE"] = c.Passfile;
        if (!string.IsNullOrEmpty(c.RootCertificate)) environment["PGSSLROOTCERT"] = c.RootCertificate;
        if (!string.IsNullOrEmpty(c.SslCertificate)) environment["PGSSLCERT"] = c.SslCertificate;
        if (!string.IsNullOrEmpty(c.SslKey)) environment["PGSSLKEY"] = c.SslKey;
        environment["PGSSLMODE"] = c.SslMode switch { SslMode.Disable => "disable", SslMode.Allow => "allow", SslMode.Require => "require", SslMode.VerifyCA => "verify-ca", SslMode.VerifyFull => "verify-full", _ => "prefer" };
        var arguments = new List<string> { "--host=" + c.Host, "--port=" + c.Port.ToString(CultureInfo.InvariantCulture) };
        if (!string.IsNullOrEmpty(c.Username)) arguments.Add("--username=" + c.Username);
        if (!string.IsNullOrEmpty(c.Database ?? c.Username)) arguments.Add("--dbname=" + (c.Database ?? c.Username));
        return (arguments, environment);
    }
}
