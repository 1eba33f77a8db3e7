using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Rag.Access;
using Rag.App;
using Rag.Indexing;
using Rag.Testing.Access;

namespace Rag.Bench.Verify.Protect;

/// <summary>Who may reach which route and command.</summary>
internal static class AccessChecks
{
    public static IEnumerable<Check> All()
    {
        yield return new("access-matrix", "routes and commands that let in or refuse otherwise than the table written by hand, each asked by nobody, by keys that do not hold, and by a key of each role", Relation.AtMost, 0, MatrixAsync);
        yield return new("key-cost", "microseconds that recognising a key takes of a request, hashing and comparing it and finding what it may do, among 1,000 keys", Relation.AtMost, 5, KeyCostAsync);
    }

    private static async Task<Measured> KeyCostAsync(CheckContext context, CancellationToken ct)
    {
        const int Keys = 1_000;
        int rounds = context.Quick ? 20 : 100;
        string data = Directory.CreateTempSubdirectory("rag-keycost-").FullName;
        try
        {
            await using var app = RagServer.Build([.. AccessMatrix.Settings, new("Storage:DataDirectory", data)], LogLevel.Critical);
            await RagServer.StartAsync(app, ct);
            var keys = app.Services.GetRequiredService<ApiKeys>();
            var secrets = new List<string>();
            for (int i = 0; i < Keys; i++) secrets.Add((await keys.CreateAsync(new($"key {i}", ["reader"]), ct)).Secret);
            var authenticator = app.Services.GetRequiredService<Authenticator>();
            // What else runs on the machine makes a round longer and none shorter.
            double best = double.MaxValue;
            for (int round = 0; round < rounds; round++)
            {
                long started = Stopwatch.GetTimestamp();
                foreach (string secret in secrets)
                    if (authenticator.ByKey(secret, "192.0.2.1").Why is not null) throw new InvalidOperationException("A key that holds was not recognised.");
                best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalMicroseconds / Keys);
            }
            await app.StopAsync(CancellationToken.None);
            return new(Math.Round(best, 3), string.Create(CultureInfo.InvariantCulture, $"the shortest of {rounds} rounds of {Keys} keys"));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task<Measured> MatrixAsync(CheckContext context, CancellationToken ct)
    {
        string data = Directory.CreateTempSubdirectory("rag-matrix-").FullName;
        try
        {
            await using var app = RagServer.Build([.. AccessMatrix.Settings, new("Storage:DataDirectory", data)], LogLevel.Critical);
            app.Urls.Add("http://127.0.0.1:0");
            await RagServer.StartAsync(app, ct);
            await app.Services.GetRequiredService<IIndexer>().Ready.WaitAsync(ct);
            var outcome = await new AccessMatrix(app.Services, new(app.Urls.First()), CommandLine.Build).RunAsync(ct);
            await app.StopAsync(CancellationToken.None);
            string cases = string.Create(CultureInfo.InvariantCulture, $"{outcome.Cases} cases: {outcome.Routes} routes, {outcome.Commands} commands");
            return new(outcome.Mismatches.Count, outcome.Mismatches.Count == 0 ? cases : $"{cases}; {string.Join("; ", outcome.Mismatches.Take(10))}");
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }
}
