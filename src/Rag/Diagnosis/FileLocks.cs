using System.Globalization;

namespace Rag.Diagnosis;

/// <summary>Who holds locks on files, as Linux lists them in <c>/proc/locks</c> (proc(5)).</summary>
internal static class FileLocks
{
    private const string Path = "/proc/locks";

    /// <returns>Processes as <c>id (name)</c>; empty where nobody holds one, or where the system does not say.</returns>
    public static IReadOnlyList<string> Holders(params string[] files)
    {
        if (!File.Exists(Path)) return [];
        try
        {
            var inodes = files.Where(File.Exists).Select(FileSystem.InodeOf).Where(i => i != 0).ToHashSet();
            // "1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 120 120": the process, then device and inode.
            return File.ReadLines(Path).Take(10_000).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(f => f.Length >= 8 && f[3] == "WRITE")
                .Where(f => ulong.TryParse(f[5].AsSpan(f[5].LastIndexOf(':') + 1), CultureInfo.InvariantCulture, out ulong inode) && inodes.Contains(inode))
                .Select(f => f[4]).Distinct().Take(10).Select(Name).ToList();
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string Name(string id)
    {
        try
        {
            string name = File.ReadAllText($"/proc/{id}/comm").Trim();
            return id == Environment.ProcessId.ToString(CultureInfo.InvariantCulture) ? $"{id} ({name}, this process)" : $"{id} ({name})";
        }
        catch (IOException)
        {
            return id;
        }
    }
}
