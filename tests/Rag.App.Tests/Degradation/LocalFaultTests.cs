using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Rag.Testing;

namespace Rag.App.Tests.Degradation;

/// <summary>Rows of the degradation matrix that need no server beside the product: disk, index, model, kill.</summary>
[Collection("degradation")]
public sealed class LocalFaultTests : IDisposable
{
    private const string Question = "Where do herons stand?", Text = "Herons stand in shallow water.";

    private readonly string _data = Directory.CreateTempSubdirectory("rag-local-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task On_a_full_disk_questions_are_answered_writes_are_refused_and_nothing_acknowledged_is_lost()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess) Assert.Skip("Only root may mount the small disk that this fills.");
        try
        {
            await ChildServer.RunAsync("mount", ["-t", "tmpfs", "-o", "size=32m", "tmpfs", _data], Cancel);
        }
        catch (InvalidOperationException e)
        {
            if (Environment.GetEnvironmentVariable("CI") == "true") throw;
            Assert.Skip($"A small disk cannot be mounted here: {e.Message}");
        }
        try
        {
            await using var replica = await Replica.StartAsync(_data);
            await replica.PutAsync("a.txt", Text);
            string filler = Path.Combine(_data, "filler");
            await FillAsync(filler);
            var acknowledged = new List<string> { "a.txt" };
            var refused = new List<HttpStatusCode>();
            string large = string.Join(' ', Enumerable.Range(0, 4_000).Select(i => $"word{i}"));
            for (int i = 0; i < 12; i++)
            {
                using var response = await replica.TryPutAsync($"{i}.txt", $"{large} {i}");
                if (response.IsSuccessStatusCode) acknowledged.Add($"{i}.txt");
                else refused.Add(response.StatusCode);
                // Provenance finds no room either, and no question waits for it.
                (await replica.AskAsync(Question, noCache: true)).GetProperty("answer").GetString().ShouldBe(Text);
            }
            refused.ShouldNotBeEmpty();
            refused.ShouldAllBe(s => s == HttpStatusCode.InsufficientStorage || s == HttpStatusCode.ServiceUnavailable);
            (await replica.StatusAsync("/readyz"), await replica.StatusAsync("/livez")).ShouldBe((200, 200));
            File.Delete(filler);
            await replica.WaitUntilAsync(async () => (await replica.TryPutAsync("later.txt", "Egrets are white.")).IsSuccessStatusCode);
            acknowledged.Add("later.txt");
            await replica.WaitUntilAsync(async () => (await replica.AskAsync("What colour are egrets?")).GetProperty("outcome").GetString() == "answered");
            var listed = await replica.Http.GetFromJsonAsync<JsonElement>("/v1/collections/default/documents?limit=500", Cancel);
            listed.GetProperty("documents").EnumerateArray().Select(d => d.GetProperty("uri").GetString()).Order().ShouldBe(acknowledged.Order());
            await replica.WaitUntilAsync(async () =>
            {
                using var verified = await replica.Http.PostAsync("/admin/v1/index/verify", null, Cancel);
                return (await verified.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("clean").GetBoolean();
            });
        }
        finally
        {
            await ChildServer.RunAsync("umount", ["-l", _data], CancellationToken.None);
        }
    }

    [Fact]
    public async Task A_damaged_index_is_built_anew_from_the_record_before_the_replica_is_ready()
    {
        await using (var first = await Replica.StartAsync(_data))
        {
            await first.PutAsync("a.txt", Text);
            await first.Process.SignalAsync("TERM", Cancel);
            await first.Process.WaitForExitAsync(Cancel);
        }
        foreach (string file in Directory.EnumerateFiles(Path.Combine(_data, "index"), "*", SearchOption.AllDirectories))
            await File.WriteAllTextAsync(file, "not an index", Cancel);
        await using var second = await Replica.StartAsync(_data);
        (await second.AskAsync(Question)).GetProperty("answer").GetString().ShouldBe(Text);
        second.Process.Output.ShouldContain("is built anew from the record");
    }

    [Fact]
    public async Task Without_the_embedding_model_answers_are_marked_and_what_is_written_is_embedded_once_it_is_there()
    {
        await using (var without = await Replica.StartAsync(_data, "Inference:Provider=local", "Inference:ModelPath=/nowhere"))
        {
            await without.PutAsync("a.txt", Text);
            var answer = await without.AskAsync(Question);
            answer.GetProperty("answer").GetString().ShouldBe(Text);
            answer.GetProperty("degraded").GetBoolean().ShouldBeTrue();
            answer.GetProperty("degraded_reason").GetString()!.ShouldContain("words only");
            (await without.StatusAsync("/readyz")).ShouldBe(200);
        }
        await using var with = await Replica.StartAsync(_data, "Inference:Provider=local");
        await with.WaitUntilAsync(async () =>
        {
            var view = await with.Http.GetFromJsonAsync<JsonElement>("/v1/collections/default", Cancel);
            return view.GetProperty("chunks").GetInt64() == 1 && view.GetProperty("embedded_chunks").GetInt64() == 1;
        });
        (await with.AskAsync(Question)).GetProperty("degraded").GetBoolean().ShouldBeFalse();
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_a_kill_at_any_moment()
    {
        var acknowledged = new System.Collections.Concurrent.ConcurrentBag<string>();
        for (int kill = 0; kill < 3; kill++)
        {
            await using var replica = await Replica.StartAsync(_data);
            var writers = Enumerable.Range(0, 4).Select(w => Task.Run(async () =>
            {
                try
                {
                    for (int i = 0; ; i++)
                    {
                        using var response = await replica.TryPutAsync($"{kill}-{w}-{i}.txt", $"Document {i} of writer {w}.");
                        if (response.IsSuccessStatusCode) acknowledged.Add($"{kill}-{w}-{i}.txt");
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException)
                {
                    // Killed.
                }
            }, Cancel)).ToList();
            int before = acknowledged.Count;
            while (acknowledged.Count == before && !writers.Exists(w => w.IsCompleted)) await Task.Delay(10, Cancel);
            await Task.Delay(Random.Shared.Next(0, 500), Cancel);
            await replica.Process.KillAsync();
            await Task.WhenAll(writers);
        }
        acknowledged.ShouldNotBeEmpty();
        await using var last = await Replica.StartAsync(_data);
        var there = new HashSet<string>();
        string? after = "";
        while (after is not null)
        {
            var page = await last.Http.GetFromJsonAsync<JsonElement>($"/v1/collections/default/documents?limit=500&after={after}", Cancel);
            foreach (var document in page.GetProperty("documents").EnumerateArray()) there.Add(document.GetProperty("uri").GetString()!);
            after = page.TryGetProperty("next", out var next) ? next.GetString() : null;
        }
        acknowledged.Except(there).ShouldBeEmpty();
    }

    /// <summary>Leaves next to nothing of the disk.</summary>
    private static async Task FillAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] block = new byte[4096];
        try
        {
            while (true) await file.WriteAsync(block, Cancel);
        }
        catch (IOException)
        {
            // Full.
        }
    }
}
