using System.Globalization;

namespace Rag.Testing;

/// <summary>Packages from npm that tests run servers from: in a folder of this machine that the first call fills.</summary>
public static class NpmFolder
{
    private static readonly SemaphoreSlim Installing = new(1, 1);

    /// <summary>Whether Node and npm are installed.</summary>
    public static bool IsInstalled => ChildServer.Find("node") is not null && ChildServer.Find("npm") is not null;

    /// <param name="name">Of the folder.</param>
    /// <param name="script">Beside this program; Node looks for packages beside the script, which is put into the folder.</param>
    public static async Task<string> WithAsync(string name, IReadOnlyList<string> packages, string script, CancellationToken ct)
    {
        string versions = string.Join('_', packages.Select(p => p[(p.LastIndexOf('@') + 1)..]));
        string folder = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "rag-system-tests", $"{name}-{versions}");
        await Installing.WaitAsync(ct);
        try
        {
            if (!Directory.Exists(folder))
            {
                // Beside, then moved: an installation that breaks off leaves nothing that looks whole.
                string unfinished = folder + "." + Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
                Directory.CreateDirectory(unfinished);
                await ChildServer.RunAsync("npm", ["install", "--prefix", unfinished, "--no-audit", "--no-fund", "--loglevel=error", .. packages], ct);
                if (Directory.Exists(folder)) Directory.Delete(unfinished, recursive: true);
                else Directory.Move(unfinished, folder);
            }
            string beside = Path.Combine(folder, script + "." + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            File.Copy(Path.Combine(AppContext.BaseDirectory, script), beside, overwrite: true);
            File.Move(beside, Path.Combine(folder, script), overwrite: true);
            return folder;
        }
        finally
        {
            Installing.Release();
        }
    }
}
