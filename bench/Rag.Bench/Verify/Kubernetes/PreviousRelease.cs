using Rag.Testing;

namespace Rag.Bench.Verify.Kubernetes;

/// <summary>The last commit whose schema is older than this one's, built into a folder that is kept for the next run.</summary>
internal sealed class PreviousRelease
{
    private readonly string _folder;

    private PreviousRelease(string commit)
    {
        Commit = commit;
        _folder = Path.Combine(Path.GetTempPath(), "rag-previous-" + commit[..12]);
    }

    public string Commit { get; }

    private string Program => Path.Combine(_folder, "rag");

    /// <summary>The program where it was built before; else null.</summary>
    public string? Built => File.Exists(Path.Combine(_folder, "built")) ? Program : null;

    /// <exception cref="CannotMeasureException">This is no clone, or one without its history.</exception>
    public static async Task<PreviousRelease> FindAsync(CancellationToken ct)
    {
        string root = LocalCluster.Root();
        try
        {
            string added = (await ChildServer.RunAsync("git", ["-C", root, "log", "--diff-filter=A", "-1", "--format=%H", "--", ":(glob)src/Rag/**/M20*.cs"], ct)).Trim();
            string commit = (await ChildServer.RunAsync("git", ["-C", root, "rev-parse", "--verify", $"{added}^"], ct)).Trim();
            return new(commit);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            throw new CannotMeasureException($"the history of this clone does not show a previous release: {e.Message}");
        }
    }

    /// <summary>Builds it from the history; takes minutes.</summary>
    public async Task<string> BuildAsync(CancellationToken ct)
    {
        if (Built is { } there) return there;
        string source = Directory.CreateTempSubdirectory("rag-previous-source-").FullName;
        try
        {
            string archive = Path.Combine(source, "source.tar");
            await ChildServer.RunAsync("git", ["-C", LocalCluster.Root(), "archive", "--output", archive, Commit], ct);
            await ChildServer.RunAsync("tar", ["-xf", archive, "-C", source], ct);
            await ChildServer.RunAsync("dotnet", ["build", Path.Combine(source, "src", "Rag.App"), "-c", "Release", "-v", "quiet", "--nologo", "-clp:ErrorsOnly", "-o", _folder], ct);
            await File.WriteAllTextAsync(Path.Combine(_folder, "built"), Commit, ct);
            return Program;
        }
        finally
        {
            Directory.Delete(source, recursive: true);
        }
    }
}
