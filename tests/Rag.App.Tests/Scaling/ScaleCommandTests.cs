using System.Diagnostics;
using Rag.App.Tests.Access;
using Rag.Testing.Kubernetes;

namespace Rag.App.Tests.Scaling;

/// <summary>From an administrator's approval to what the cluster allows, by the commands that people and the scale keeper run.</summary>
public sealed class ScaleCommandTests(KeyedServer server) : IClassFixture<KeyedServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_an_administrator_approves_the_keeper_carries_into_the_cluster_and_back()
    {
        if (Manifests.Missing is { } missing) Assert.Skip(missing);
        await using var cluster = await ClusterApi.StartAsync(await Manifests.LoadAsync("small", Cancel));
        string admin = (await server.KeyAsync("admin")).Secret, oper = (await server.KeyAsync("operator")).Secret;
        string[] keep = ["scale", "keep", "--kubernetes", cluster.Address, "--credentials", cluster.Folder];
        (await RunAsync(oper, keep)).Out.ShouldContain("nothing was changed");

        string[] approve = ["scale", "approve", "--max", "30", "--min", "5", "--for", "8h", "--reason", "Results are published", "--owner", "Ada"];
        var refused = await RunAsync(oper, approve);
        (refused.Code, refused.Err.Contains("does not have the role")).ShouldBe((1, true), refused.Err);
        var approved = await RunAsync(admin, approve);
        approved.Code.ShouldBe(0, approved.Err);
        string id = approved.Out.Split(' ')[0];
        (await RunAsync(oper, keep)).Out.ShouldContain("the ceiling is 30 (was 20)");
        (cluster.Ceiling, cluster.Autoscaler, cluster.Annotation("owner")).ShouldBe(("30", (5, 30), "Ada"));
        (await RunAsync(oper, "scale", "status")).Out.ShouldContain("5 to 30 may");

        (await RunAsync(oper, "scale", "withdraw", id)).Code.ShouldBe(0);
        (await RunAsync(oper, keep)).Code.ShouldBe(0);
        (cluster.Ceiling, cluster.Autoscaler).ShouldBe(("20", (3, 20)));
    }

    [Fact]
    public async Task A_keeper_that_cannot_ask_changes_nothing_and_says_so()
    {
        if (Manifests.Missing is { } missing) Assert.Skip(missing);
        await using var cluster = await ClusterApi.StartAsync(await Manifests.LoadAsync("small", Cancel));
        var kept = await RunAsync("rag_00000000_0000000000000000000000000000000000000000000", "scale", "keep", "--kubernetes", cluster.Address, "--credentials", cluster.Folder);
        (kept.Code, kept.Out.Contains("could not be asked")).ShouldBe((1, true), kept.Out + kept.Err);
        cluster.Changes.ShouldBeEmpty();
    }

    private async Task<(int Code, string Out, string Err)> RunAsync(string key, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string arg in (string[])[Path.Combine(AppContext.BaseDirectory, "rag.dll"), .. args, "--server", server.Address.ToString()]) start.ArgumentList.Add(arg);
        start.Environment["COLUMNS"] = "400";
        start.Environment["RAG_KEY"] = key;
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await errors);
    }
}
