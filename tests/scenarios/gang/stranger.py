# Speaks the protocol of the agents without the token, as node 1, to node 0 and to whoever dials.
# Arguments: address of node 0, scope of the task. Ends when all attempts were turned away.
import secrets, socket, sys, threading

target, scope = sys.argv[1:]
PORT = 27597
own = socket.gethostbyname(socket.gethostname())


def hello():
    return f"sky-agent/1 {scope} 1 {secrets.token_hex(8)} {own} {secrets.token_hex(32)}\n".encode()


def rest(connection):
    """What the other side still says before it closes."""
    try:
        return connection.makefile("rb").read()
    except ConnectionResetError:
        return b""


def dial(answer):
    """Says hello, answers the proof with `answer(proof)`, and returns what comes after it."""
    with socket.create_connection((target, PORT), timeout=60) as connection:
        lines = connection.makefile("rb")
        connection.sendall(hello())
        theirs, proof = lines.readline(), lines.readline()
        assert theirs.startswith(f"sky-agent/1 {scope} 0 ".encode()), theirs
        assert len(proof) == 65, proof
        connection.sendall(answer(proof.strip()) + b"\n")
        try:
            return lines.read()
        except ConnectionResetError:
            return b""


def accept(server):
    while True:
        connection, _ = server.accept()
        with connection:
            line = connection.makefile("rb").readline()
            connection.sendall(hello() + secrets.token_hex(32).encode() + b"\n")
            print("dialled by", line.split()[2].decode(), "and turned away:", rest(connection), flush=True)


threading.Thread(target=accept, args=(socket.create_server(("", PORT)),), daemon=True).start()
crowd = [socket.create_connection((target, PORT), timeout=60) for _ in range(100)]
for name, answer in {
    "a made-up proof": lambda proof: secrets.token_hex(32).encode(),
    "its own proof": lambda proof: proof,
    "no proof": lambda proof: b"%s failed run 1" % secrets.token_hex(16).encode(),
    "garbage": lambda proof: b"\xff" * 4096,
}.items():
    said = dial(answer)
    assert said == b"", f"{name}: {said}"
print("turned away", flush=True)
threading.Event().wait()  # goes on answering whoever dials
