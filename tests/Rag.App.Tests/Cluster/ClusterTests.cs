using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Rag.Testing;

namespace Rag.App.Tests.Cluster;

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ClusterGroup
{
    public const string Name = "cluster";
}

/// <summary>What people notice of several replicas behind a balancer: nothing.</summary>
[Collection(ClusterGroup.Name)]
public sealed class ClusterTests(Cluster cluster) : IClassFixture<Cluster>
{
    private const int Askers = 4;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private LocalCluster Servers
    {
        get
        {
            if (cluster.Servers is null) Assert.Skip($"{LocalCluster.Missing}; './test' installs it.");
            return cluster.Servers;
        }
    }

    [Fact]
    public async Task What_was_written_through_the_balancer_is_found_by_every_replica_at_its_position()
    {
        await Servers.StartAllAsync(Cancel);
        for (int round = 0; round < 5; round++)
        {
            long position = await PutAsync($"round{round}.txt", $"The word of round {round} is heron{round}.");
            foreach (var replica in cluster.Replicas)
            {
                var found = await PostAsync(replica, "/v1/search", new { query = $"heron{round}", mode = "lexical", wait_for = position });
                found.GetProperty("index_position").GetInt64().ShouldBeGreaterThanOrEqualTo(position);
                found.GetProperty("hits")[0].GetProperty("uri").GetString().ShouldBe($"round{round}.txt");
            }
        }
    }

    [Fact]
    public async Task Every_replica_gives_the_same_answer_and_the_others_have_it_from_the_shared_cache()
    {
        await Servers.StartAllAsync(Cancel);
        // A collection in which nothing was ever replaced: every replica has the same full-text statistics of it.
        long position = await PutAsync("egrets.txt", "Egrets nest in tall trees near lakes. They return to the same trees each spring.", "birds");
        // A question that meets Redis slow does not wait for it and is answered without: on a busy machine it may take several.
        for (int attempt = 1; ; attempt++)
        {
            var ids = new List<string>();
            foreach (var replica in cluster.Replicas)
            {
                // By words: an answer without the model is degraded where meaning was asked for, and none such is kept.
                var answer = await PostAsync(replica, "/v1/ask", new { question = $"Where do egrets nest, attempt {attempt}?", collection = "birds", options = new { mode = "lexical", wait_for = position } });
                answer.GetProperty("answer").GetString()!.ShouldContain("tall trees near lakes");
                ids.Add(answer.GetProperty("id").GetString()!);
                // What is kept goes to Redis beside the answer.
                await Task.Delay(200, Cancel);
            }
            // The same id: no other replica made an answer of its own.
            if (ids.Distinct().Count() == 1) return;
            attempt.ShouldBeLessThan(20, "no replica had another's answer from Redis");
        }
    }

    [Fact]
    public async Task A_replica_that_is_killed_under_load_costs_no_question()
    {
        await Servers.StartAllAsync(Cancel);
        await PutAsync("herons.txt", "Herons stand in shallow water.");
        int asked = await UnderLoadAsync(async () =>
        {
            await Task.Delay(200, Cancel);
            await Servers.KillAsync(LocalCluster.Replica(2), Cancel);
            await Task.Delay(500, Cancel);
            await Servers.StartAsync(LocalCluster.Replica(2), Cancel);
            await Task.Delay(300, Cancel);
        });
        asked.ShouldBeGreaterThan(20);
    }

    [Fact]
    public async Task A_rolling_restart_under_load_costs_no_question()
    {
        await Servers.StartAllAsync(Cancel);
        await PutAsync("herons.txt", "Herons stand in shallow water.");
        var before = Enumerable.Range(1, 3).Select(n => Servers.Pid(LocalCluster.Replica(n))).ToList();
        int asked = await UnderLoadAsync(() => Servers.RollingRestartAsync(Cancel));
        Enumerable.Range(1, 3).Select(n => Servers.Pid(LocalCluster.Replica(n))).Intersect(before).ShouldBeEmpty();
        asked.ShouldBeGreaterThan(100);
    }

    [Fact]
    public async Task A_new_replica_reads_the_whole_record()
    {
        await Servers.StartAllAsync(Cancel);
        long position = await PutAsync("storks.txt", "Storks clatter with their bills.");
        await Servers.StopAsync(LocalCluster.Replica(3), Cancel);
        Directory.Delete(Servers.DataDirectory(3), recursive: true);
        await Servers.StartAsync(LocalCluster.Replica(3), Cancel);
        var answer = await PostAsync(cluster.Replicas[2], "/v1/ask", new { question = "What do storks clatter with?", options = new { wait_for = position } });
        answer.GetProperty("answer").GetString().ShouldBe("Storks clatter with their bills.");
    }

    /// <summary>Questions through the balancer while something happens: each must be answered, and is sent once.</summary>
    private async Task<int> UnderLoadAsync(Func<Task> happens)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        int asked = 0;
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var askers = Enumerable.Range(0, Askers).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    using var response = await cluster.Balancer.PostAsJsonAsync("/v1/ask", new { question = $"Where do herons stand, number {Interlocked.Increment(ref asked)}?" }, Cancel);
                    if (response.StatusCode != HttpStatusCode.OK) failures.Enqueue($"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(Cancel)}");
                }
                catch (HttpRequestException e)
                {
                    failures.Enqueue(e.Message);
                }
                await Task.Delay(10, Cancel);
            }
        })).ToList();
        try
        {
            await happens();
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(askers);
        }
        failures.ShouldBeEmpty();
        return asked;
    }

    /// <returns>The position of the write.</returns>
    private async Task<long> PutAsync(string uri, string text, string collection = "default")
    {
        // A text that is there already is no write; each test's is new.
        var body = await PostAsync(cluster.Balancer, $"/v1/collections/{collection}/documents", new { uri, text = $"{text}\n\n{Guid.NewGuid()}" });
        return body.GetProperty("position").GetInt64();
    }

    private static async Task<JsonElement> PostAsync(HttpClient http, string path, object body)
    {
        using var response = await http.PostAsJsonAsync(path, body, Cancel);
        string text = await response.Content.ReadAsStringAsync(Cancel);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, text);
        return JsonDocument.Parse(text).RootElement;
    }
}
