using Rag.Audit;

namespace Rag.Testing;

/// <summary>A key for the audit record, which a service on PostgreSQL does not start without; one for all tests of a process.</summary>
public static class AuditKeyFile
{
    private static readonly Lazy<string> Made = new(() =>
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("rag-audit-key-").FullName, "key.pem");
        AuditKeys.Create(path);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        return path;
    });

    public static string Shared => Made.Value;

    /// <summary>The setting that names it.</summary>
    public static string Setting => "Audit:KeyFile=" + Shared;
}
