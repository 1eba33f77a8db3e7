using Rag.Slo.Export;

namespace Rag.Tests.Slo;

/// <summary>What lies in <c>deploy/</c> is what the code makes. RAG_UPDATE_DEPLOY=1 writes the files anew.</summary>
public sealed class DeployFilesTests
{
    private static IEnumerable<(string Path, string Content)> All => [.. PrometheusExport.Files(), .. ContainerExport.Files()];

    public static TheoryData<string> Paths => [.. All.Select(f => f.Path)];

    [Theory, MemberData(nameof(Paths))]
    public async Task A_file_in_deploy_is_what_the_objectives_make(string path)
    {
        string content = All.Single(f => f.Path == path).Content;
        if (Environment.GetEnvironmentVariable("RAG_UPDATE_DEPLOY") == "1") await File.WriteAllTextAsync(Deploy.File(path), content, TestContext.Current.CancellationToken);
        (await File.ReadAllTextAsync(Deploy.File(path), TestContext.Current.CancellationToken)).ShouldBe(content);
    }
}
