# Every node sends its number to every other and adds what it gets: the least that a distributed program does.
import os, socket, threading, time

PORT = 8001
rank = int(os.environ["SKYPILOT_NODE_RANK"])
addresses = os.environ["SKYPILOT_NODE_IPS"].split("\n")
server = socket.create_server((addresses[rank], PORT), backlog=len(addresses))
received = []


def receive():
    for _ in addresses[1:]:
        connection, _ = server.accept()
        with connection:
            received.append(int(connection.makefile().readline()))
            connection.sendall(b"thanks\n")


def connect(address):
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection((address, PORT), timeout=30)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


receiver = threading.Thread(target=receive)
receiver.start()
for peer, address in enumerate(addresses):
    if peer != rank:
        with connect(address) as connection:
            connection.sendall(b"%d\n" % (rank + 1))
            assert connection.makefile().readline() == "thanks\n"
receiver.join()
print("sum", rank + 1 + sum(received))
