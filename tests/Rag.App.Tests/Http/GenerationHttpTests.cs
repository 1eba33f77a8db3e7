using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Rag.Indexing;
using Rag.Storage;
using Rag.Testing.Models;

namespace Rag.App.Tests.Http;

/// <summary>A server with a language model, as those who ask it over HTTP see it.</summary>
public sealed class GenerationHttpTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sentences_are_sent_while_the_model_still_speaks()
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var server = await Server.StartAsync(model, "compose");
        var gate = new TaskCompletionSource();
        model.Script = call => new([$"The red pump stands in hall 7 [{Number(call, "red pump")}]. The blue pump ", $"stands in hall 3 [{Number(call, "blue pump")}]."]) { Gate = gate.Task };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/ask") { Content = JsonContent.Create(new { question = "Where do the pumps stand?", stream = true, options = new { mode = "lexical" } }) };
        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancel));
        (await reader.ReadLineAsync(Cancel)).ShouldBe("event: sentence");
        JsonDocument.Parse((await reader.ReadLineAsync(Cancel))!["data: ".Length..]).RootElement.GetProperty("text").GetString().ShouldBe("The red pump stands in hall 7.");
        gate.SetResult();
        string rest = await reader.ReadToEndAsync(Cancel);
        rest.ShouldContain("stands in hall 3");
        var answer = JsonDocument.Parse(rest.Split("event: answer\ndata: ")[1]).RootElement;
        answer.GetProperty("sentences").EnumerateArray().Select(s => s.GetProperty("kind").GetString()).ShouldBe(["composed", "composed"]);
        answer.GetProperty("generation").GetProperty("model").GetString().ShouldBe(ScriptedModel.Name);
        // The same for whoever reads it again, and without the model.
        int calls = model.Calls.Count;
        var shown = await server.Http.GetFromJsonAsync<JsonElement>($"/v1/answers/{answer.GetProperty("id").GetString()}", Cancel);
        shown.GetProperty("answer").GetString().ShouldBe(answer.GetProperty("answer").GetString());
        var replay = await (await server.Http.PostAsync($"/v1/answers/{answer.GetProperty("id").GetString()}/replay", null, Cancel)).Content.ReadFromJsonAsync<JsonElement>(Cancel);
        replay.GetProperty("same").GetBoolean().ShouldBeTrue();
        replay.GetProperty("generation").GetProperty("prompt_sha256").GetString().ShouldBe(answer.GetProperty("generation").GetProperty("prompt_sha256").GetString());
        model.Calls.Count.ShouldBe(calls);
    }

    [Fact]
    public async Task A_model_that_is_away_is_no_error_and_says_so_everywhere_but_in_readiness()
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var server = await Server.StartAsync(model, "select", ("BreakerFailures", "2"));
        model.ScriptsHealth = true;
        model.Script = _ => ModelReply.Error(503);
        for (int i = 0; i < 3; i++)
        {
            using var response = await server.Http.PostAsJsonAsync("/v1/ask", new { question = $"Where does the blue pump stand, case {i}?", options = new { mode = "lexical" } }, Cancel);
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            var answer = await response.Content.ReadFromJsonAsync<JsonElement>(Cancel);
            answer.GetProperty("degraded").GetBoolean().ShouldBeTrue();
            answer.GetProperty("answer").GetString()!.ShouldContain("The blue pump stands in hall 3.");
            answer.GetProperty("degraded_reason").GetString()!.ShouldNotContain("127.0.0.1");
        }
        (await server.Http.GetAsync("/readyz", Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
        string metrics = await server.Http.GetStringAsync("/metrics", Cancel);
        metrics.ShouldContain("rag_dependency_up{dependency=\"language_model\"} 0");
        metrics.ShouldContain("rag_questions_total{answerer=\"extractive\",cached=\"false\",outcome=\"degraded\"} 3");
        metrics.ShouldContain("rag_generation_withheld_total{} 0");
        string status = await server.Http.GetStringAsync("/admin/v1/status", Cancel);
        status.ShouldContain("language_model");
        string doctor = await server.Http.GetStringAsync("/admin/v1/doctor?area=model", Cancel);
        doctor.ShouldContain("model.away");
    }

    [Fact]
    public async Task A_follow_up_is_sent_with_the_turns_before_it()
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var server = await Server.StartAsync(model, "select");
        var answer = await (await server.Http.PostAsJsonAsync("/v1/ask", new { question = "And the red one?", history = new[] { new { question = "Where does the blue pump stand?", answer = "In hall 3." } }, options = new { mode = "lexical" } }, Cancel)).Content.ReadFromJsonAsync<JsonElement>(Cancel);
        answer.GetProperty("generation").GetProperty("rewritten_question").GetString().ShouldBe("and the red one (where does the blue pump stand)?");
        answer.GetProperty("generation").GetProperty("rewritten_by").GetString().ShouldBe("model");
    }

    [Fact]
    public async Task The_page_says_whose_words_an_answer_is()
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var server = await Server.StartAsync(model, "compose");
        model.Script = call => ModelReply.Tokens($"The blue pump stands in hall 3 [{Number(call, "blue pump")}]. It was made of gold [{Number(call, "red pump")}].");
        string page = await server.Http.GetStringAsync("/?q=Where+does+the+blue+pump+stand", Cancel);
        page.ShouldContain("Written by the language model scripted");
        page.ShouldContain("One sentence that its sources do not say was left out.");
        page.ShouldNotContain("gold");
    }

    private static int Number(ModelCall call, string words) => call.Passages.First(p => p.Text.Contains(words, StringComparison.Ordinal)).Number;

    private sealed class Server(WebApplication app, string data) : IAsyncDisposable
    {
        public HttpClient Http { get; } = new() { BaseAddress = new(app.Urls.First()) };

        public static async Task<Server> StartAsync(ScriptedModel model, string mode, params (string, string)[] more)
        {
            string data = Directory.CreateTempSubdirectory("rag-generation-").FullName;
            var app = RagServer.Build([new("Storage:DataDirectory", data), new("Inference:Provider", "none"), .. model.Settings(mode, more)], Microsoft.Extensions.Logging.LogLevel.Error);
            app.Urls.Add("http://127.0.0.1:0");
            await RagServer.StartAsync(app, Cancel);
            await app.Services.GetRequiredService<IIndexer>().Ready;
            var server = new Server(app, data);
            using var put = await server.Http.PostAsJsonAsync("/v1/collections/default/documents", new { uri = "pumps.txt", text = "The blue pump stands in hall 3. The red pump stands in hall 7." }, Cancel);
            put.EnsureSuccessStatusCode();
            await app.Services.GetRequiredService<IIndexer>().WaitForAsync(await app.Services.GetRequiredService<ChangeLog>().LastAsync(Cancel), TimeSpan.FromSeconds(30), Cancel);
            return server;
        }

        public async ValueTask DisposeAsync()
        {
            Http.Dispose();
            await app.StopAsync();
            await app.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }
    }
}
