using Rag.Backup;

namespace Rag.Testing.Kubernetes;

/// <summary>Files of a pod on this machine, so that a program can be given the pod's settings: secrets, and folders to write to.</summary>
public sealed class SettingsFiles : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("rag-pod-").FullName;

    public string Root => _root;

    /// <summary>Settings with every absolute path moved below a scratch folder; a path that ends in a file name which a secret has gets a file.</summary>
    public Dictionary<string, string> Place(IReadOnlyDictionary<string, string> settings)
    {
        var moved = new Dictionary<string, string>();
        foreach (var (key, value) in settings)
        {
            // A password that Kubernetes would fill in.
            string text = value.Replace("$(DATABASE_PASSWORD)", "of-the-operator", StringComparison.Ordinal);
            if (!text.StartsWith('/'))
            {
                moved[key] = text;
                continue;
            }
            string path = moved[key] = _root + text;
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (!text.StartsWith("/etc/", StringComparison.Ordinal)) Directory.CreateDirectory(path);
            else if (key.EndsWith("ConnectionStringFile", StringComparison.Ordinal)) File.WriteAllText(path, "Host=db.example.internal;Database=rag;Username=rag;Password=of-the-secret");
            else if (key.EndsWith("Backup__KeyFile", StringComparison.Ordinal)) BackupKeys.Create(path);
            else if (key.EndsWith("Audit__KeyFile", StringComparison.Ordinal)) File.Copy(AuditKeyFile.Shared, path, overwrite: true);
            else File.WriteAllText(path, new string('k', 64));
        }
        return moved;
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
